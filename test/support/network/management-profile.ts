/** A card in the management network: 10.0.0.5, with the gateway 10.0.0.1. */
export function managementProfile(card: string): string {
  return `[connection]
id=management
uuid=11111111-1111-4111-8111-111111111111
type=ethernet
interface-name=${card}
autoconnect-priority=10

[ethernet]

[ipv4]
method=manual
address1=10.0.0.5/24,10.0.0.1

[ipv6]
method=disabled
`;
}
