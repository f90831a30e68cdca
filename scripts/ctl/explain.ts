import type { CtlCommandName } from "./command.ts";

/** What names of the reference, which mean nothing here, say instead. */
export const explanations: Partial<Record<CtlCommandName, readonly string[]>> = {
  change_mysql_password: [
    "There is no MySQL: the store is a file of SQLite, which only root can open, or etcd.",
    "With SQLite there is no password to change. With etcd, the manager's is in the file that store.etcd.passwordFile names:",
    "change it in etcd with 'etcdctl user passwd', write it into that file, and run 'zstack-ctl restart_node'.",
  ],
  reset_rabbitmq: [
    "There is no message broker: the manager calls the agents of its hosts itself, over mutual TLS.",
    "Where a host does not answer: 'zstack-cli ReconnectHost uuid=...'; where much does not: 'zstack-ctl diagnose',",
    "and 'zstack-ctl restart_node'.",
  ],
  install_license: [
    "There is no licence to install: Binnacle is free software under the Apache licence 2.0, without limits or keys.",
  ],
};
