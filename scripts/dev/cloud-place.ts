import * as path from "node:path";

/** Where a cloud for trying out keeps what it holds. */
export type CloudPlace = {
  readonly folder: string;
  readonly configuration: string;
  /** Root's door of the manager. */
  readonly socket: string;
  readonly tls: string;
  readonly adminPassword: string;
  /** That of root on its hosts. */
  readonly rootPassword: string;
};

/** @param home of the private place */
export function cloudPlace(home: string): CloudPlace {
  const folder = path.join(home, "cloud");
  const file = (name: string) => path.join(folder, name);
  return {
    folder,
    configuration: file("manager.conf"),
    socket: file("manager.sock"),
    tls: file("tls"),
    adminPassword: file("admin.password"),
    rootPassword: file("root.password"),
  };
}
