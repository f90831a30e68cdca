/** Where a node keeps what its role needs, below `root`: nothing for this machine, a folder for tests. */
export function rolePaths(root = "") {
  return {
    nodeFile: `${root}/etc/binnacle/node.json`,
    hostUuid: `${root}/etc/binnacle/host-uuid`,
    tls: `${root}/etc/binnacle/tls`,
    ssh: `${root}/etc/ssh`,
    /** The firewall's rules of the role; /etc/nftables.conf includes all of the folder. */
    firewall: `${root}/etc/binnacle/firewall.d/50-role.nft`,
    nftables: `${root}/etc/nftables.conf`,
    timeService: `${root}/etc/chrony/conf.d/50-binnacle-role.conf`,
    libvirt: `${root}/etc/libvirt`,
    /** Modules that systemd loads at every boot: modules-load.d(5). */
    storageModules: `${root}/etc/modules-load.d/50-binnacle-storage.conf`,
    o2cb: `${root}/etc/default/o2cb`,
    ocfs2Cluster: `${root}/etc/ocfs2/cluster.conf`,
    /** The image's programs, and `roles/ROLE/` with files that the role puts into /etc. */
    library: `${root}/usr/lib/binnacle`,
    /** Below /etc, as the generator reads it before file systems other than those of the state are mounted. */
    record: `${root}/etc/binnacle/role.json`,
    bootEnvironment: `${root}/boot/grub/grubenv`,
    agentSocket: `${root}/run/binnacle/agent.sock`,
  };
}
export type RolePaths = ReturnType<typeof rolePaths>;
