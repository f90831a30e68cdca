import { X509Certificate } from "node:crypto";

/** The name of the cloud, out of its authority's certificate: `Binnacle cloud UUID`. */
export function cloudNameOf(certificate: string): string {
  const { subject } = new X509Certificate(certificate);
  return /^CN=(.*)$/m.exec(subject)?.[1] ?? subject.replaceAll("\n", ", ");
}
