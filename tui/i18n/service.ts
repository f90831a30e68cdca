/** Texts of the screens that concern the ZStack service, its console proxy and its passwords. */
export const serviceEn = {
  "passwords.about.root": "the password of this node",
  "passwords.choose": "Whose password should be changed?",
  "passwords.storeAdmin": "Store administrator",
  "passwords.storeService": "Store service account",
  "passwords.agentChannel": "Agent channel",
  "passwords.cloudAdmin": "Cloud administrator",
  "passwords.none.noManager.full":
    "There is no manager on this node: this image contains none. So there is neither a store with accounts, nor an agent channel, nor an account of the cloud whose password could be changed.",
  "passwords.none.notKnown.full":
    "The state of the management service can't be read now, so nobody can say whether there is anything to change. Try again in a moment.",
  "passwords.none.embedded.full":
    "A single management node with the embedded store has none: the store is a file that only the manager opens, and it has no accounts. Only a store that several management nodes share has them.",
  "passwords.none.notYet.full": "This version of the console can't change it.",
  "help.passwordMenu":
    "All passwords that a management node has, and why there is nothing to change where that is so. Enter opens one. Only the system's root has a password on every node.",
  "service.title": "Start/Stop/Restart ZStack Service",
  "service.title.reset": "Reset ZStack Service",
  "service.title.resetDrop": "Reset ZStack Service & Drop Database",
  "service.heading": "ZStack Service",
  "service.heading.resetDrop": "Reset & Drop Database",
  "service.about": "manager, console proxy and UI",
  "service.about.reset": "installs it anew and keeps the data",
  "service.about.resetDrop": "EXTREMELY DANGEROUS",
  "service.choose": "What should be done?",
  "service.start": "Start",
  "service.stop": "Stop",
  "service.restart": "Restart",
  "service.preview": "Preview: nothing is done on this machine.",
  "service.question.start": "The ZStack service will be started.",
  "service.question.stop": "The ZStack service will be stopped.",
  "service.question.restart": "The ZStack service will be stopped and started again.",
  "service.question.reset": "The ZStack service will be installed anew. The data stays.",
  "service.question.resetDrop": "The ZStack service will be installed anew, with an EMPTY database.",
  "service.what.start": "The manager takes up its work: it looks at all hosts and virtual machines.",
  "service.what.stop":
    "Virtual machines go on running, but nobody manages them: no API, no UI, no console, no recovery of a host that fails.",
  "service.what.restart":
    "Virtual machines go on running. Until it answers again there is no API, no UI and no console, and tasks of the cloud are interrupted.",
  "service.what.reset":
    "The service is stopped, the role is installed anew, the service is started. Virtual machines go on running; tasks of the cloud are interrupted.",
  "service.what.resetDrop":
    "Lost: hosts, virtual machines, volumes, images, networks and users, as the cloud knows them. What runs on the hosts goes on running, but the cloud knows nothing of it any more.",
  "service.danger": "EXTREMELY DANGEROUS: this can't be taken back from here.",
  "service.names": "they are: {names}",
  "service.andMore": "{shown} and {count} more",
  "service.limit": "takes seconds as a rule; given up after {duration}",
  "service.store.none": "the database: there is none on this node, nothing would be lost",
  "service.store.readable":
    "the database: {records} records, in them {hosts} hosts and {machines} virtual machines; {size}",
  "service.store.unreadable": "the database can't be read ({why}): nobody can say what would be lost. Size: {size}",
  "service.store.kept": "the former database is kept in {to}",
  "service.store.noRoom":
    "NO ROOM to keep the former database ({needed} needed, {free} free): it would be deleted for good",
  "service.backupFirst": "To back it up first, leave with Esc and choose Backup Database.",
  "service.sure.unread": "The database can't be read: nobody can say what would be lost. Drop it all the same?",
  "service.sure.noCopy":
    "There is no room to keep the former database. It would be deleted for good, without a copy. Drop it all the same?",
  "service.sure.unreadNoCopy":
    "The database can't be read, so nobody can say what would be lost; and there is no room to keep it. It would be deleted for good, without a copy. Drop it all the same?",
  "help.service":
    "The ZStack service is the manager of the cloud with its console proxy and UI. Choose, read what it hits, and type the phrase letter by letter, in small letters. It is done as a job: its log shows each step, and the last lines of a unit that fails. Virtual machines go on running whatever happens to the service.",
  "help.serviceReset":
    "Installs the service anew, as the first boot did; every step finds its work done or does it. With Drop Database the store is emptied before: the former one is put aside in a folder with the date in its name, and stays there until somebody removes it.",
  "proxy.title": "Configure Console Proxy",
  "proxy.about": "where browsers reach the consoles",
  "proxy.address": "Proxy address",
  "proxy.port": "Proxy port",
  "proxy.hint": "An empty entry stays as it is.",
  "proxy.go": "Set",
  "proxy.isSet": "These are the values that are set.",
  "proxy.isDefault": "Nothing is set: these are the values that hold until then.",
  "proxy.sure": "Set the console proxy to {address}, port {port}?",
  "proxy.effect.running": "The proxy goes there at once; consoles that are open stay open.",
  "proxy.effect.stopped": "The proxy does not run: it takes a change when it starts.",
  "proxy.effect.absent": "There is no console proxy on this node yet: the manager keeps the values for it.",
  "proxy.effect.unknown": "Whether the proxy runs is not known: the manager keeps the values for it.",
  "proxy.saved.running": "Set; the proxy runs with it.",
  "proxy.saved.stopped": "Set. The proxy takes it when it starts.",
  "proxy.saved.absent": "Set. There is no console proxy on this node yet.",
  "proxy.saved.unknown": "Set. Whether the proxy runs is not known.",
  "proxy.saved.preview": "Preview: kept in its private folder.",
  "help.proxy":
    "The address and the port at which browsers reach the console proxy, for instance the address of a router that passes it on. An IP address, and a port from 1024 to 65535; one of the two may stay empty and keeps its value then. It is confirmed with Y.",
  "jobs.kind.service.start": "start ZStack",
  "jobs.kind.service.stop": "stop ZStack",
  "jobs.kind.service.restart": "restart ZStack",
  "jobs.kind.service.reset": "reset ZStack",
  "jobs.kind.service.resetDrop": "reset ZStack, drop DB",
  "error.SERVICE.NOT_MANAGEMENT":
    "This is no management node, so there is no ZStack service here. Go to the console of the management node.",
  "error.SERVICE.NO_SYSTEMD": "The state of the service is not known ({why}).",
  "error.SERVICE.NO_MANAGER":
    "There is no ZStack service on this node: this image contains no manager. Upgrade the node to an image that contains one.",
  "error.SERVICE.BUSY": "Another job of the ZStack service runs. Wait until it ends: F2, Jobs.",
  "error.SERVICE.INSTALLING": "The role of this node is being installed. Wait until it is.",
  "error.SERVICE.CLUSTERED_STORE":
    "The database is kept by several management nodes together: it can't be emptied from one of them.",
  "error.SERVICE.NOT_INSTALLED":
    "The image has a manager, but its service is not installed. Reset ZStack Service installs it.",
  "error.SERVICE.RUNS": "The ZStack service runs already.",
  "error.SERVICE.STOPPED": "The ZStack service is stopped already.",
  "error.SERVICE.WRONG_PHRASE": "The phrase was not typed letter by letter; nothing was done.",
  "error.SERVICE.STORE_UNREAD":
    "The database can't be read, and nobody agreed to lose what is in it; nothing was done.",
  "error.SERVICE.NO_ROOM":
    "There is no room to keep the former database, and nobody agreed to do without; nothing was done.",
  "error.SERVICE.NOT_KEPT": "The former database could not be put aside; it is as it was. The log says why.",
  "error.SERVICE.NOT_STARTED": "The service did not start; the log has its last lines.",
  "error.SERVICE.NOT_STOPPED": "The service did not stop; the log has its last lines.",
  "error.SERVICE.TIMEOUT": "The manager did not answer in time; the log has its last lines.",
  "error.SERVICE.NOT_RESET": "The role was not installed; the log says which step failed.",
  "error.PROXY.EMPTY": "Give an address or a port.",
  "error.PROXY.ADDRESS": "That is no IP address.",
  "error.PROXY.PORT": "A number from 1024 to 65535.",
  "error.PROXY.NOT_MANAGEMENT": "The console proxy belongs to the management node. Set it on its console.",
  "service.cloud.stopped": "the manager does not run: no task of the cloud is interrupted",
  "service.cloud.silent":
    "THE MANAGER DOES NOT ANSWER ({why}): nobody can say which tasks of the cloud are interrupted",
  "service.cloud.hosts.stop": "hosts: {total}, {connected} connected. They go on, and nobody watches them",
  "service.cloud.hosts.again":
    "hosts: {total}, {connected} connected. Nobody watches them until the manager answers again",
  "service.cloud.hosts.drop": "hosts: {total}. The cloud forgets them: each has to be added again",
  "service.cloud.machines.stay": "virtual machines of the cloud: {total}, {running} running. They go on running",
  "service.cloud.machines.drop":
    "virtual machines of the cloud: {total}. The {running} that run go on, and nobody can manage them any more",
  "service.cloud.noTasks": "tasks of the cloud: none runs",
  "service.cloud.tasks.stop":
    "TASKS THAT RUN: {total} ({names}). They stop in the middle; a manager that starts goes on with them, or takes them back",
  "service.cloud.tasks.drop":
    "TASKS THAT RUN: {total} ({names}). They stop in the middle, for good: what they have half done stays so",
  "service.drop.after":
    "Afterwards the cloud is empty: admin has the password of the installation again, and every host has to be added anew.",
  "service.store.open": "the database: all that the cloud knows, {size}",
  "service.sure.silent":
    "The manager does not answer: nobody can say which tasks of the cloud are interrupted. Do it all the same?",
  "service.sure.silentDrop":
    "The manager does not answer: nobody can say which hosts, machines and tasks would be lost. Do it all the same?",
  "proxy.waits": "The manager has not got them yet: it does not answer. It gets them when it has been started.",
  "proxy.saved.waits": "Kept. The manager does not answer: it gets them when it has been started.",
  "error.SERVICE.MANAGER_SILENT": "The manager does not say what would be hit ({why}); nothing was done.",
  "error.SERVICE.MORE_AT_STAKE": "More would be hit by now than was said; nothing was done. Look at it again.",
  "error.SERVICE.STORE_IN_USE": "The database is still in use ({why}); it is as it was.",
  "passwords.about.storeAdmin": "the user root of etcd",
  "passwords.about.storeService": "the user of the manager in etcd",
  "passwords.about.agentChannel": "keys between the manager and all hosts",
  "passwords.about.cloudAdmin": "the account admin of the cloud",
  "passwords.short.NOT_MANAGEMENT": "not on this node",
  "passwords.short.CONFIGURATION": "the configuration is wrong",
  "passwords.short.NO_STORE_USER": "nothing to change: no user",
  "passwords.short.MANAGER_STOPPED": "the manager does not run",
  "passwords.short.NO_MANAGER": "nothing to change: no manager",
  "passwords.short.NOT_KNOWN": "not known now",
  "passwords.short.EMBEDDED": "nothing to change: embedded store",
  "error.PASSWORDS.NOT_MANAGEMENT": "This is no management node: it has the password of the system root alone.",
  "error.PASSWORDS.NO_MANAGER":
    "There is no manager on this node: this image contains none. So there is neither a store with accounts, nor an agent channel, nor an account of the cloud whose password could be changed.",
  "error.PASSWORDS.NOT_KNOWN":
    "The state of the management service can't be read now ({why}), so nobody can say whether there is anything to change. Try again in a moment.",
  "error.PASSWORDS.EMBEDDED":
    "A single management node with the embedded store has none: the store is a file that only the manager opens, and it has no accounts and no password. Only a store that several management nodes share has them.",
  "error.PASSWORDS.NO_STORE_USER":
    "The manager uses its store without a password. Enable users in etcd, and name one in the configuration: store.etcd.user and store.etcd.passwordFile.",
  "error.PASSWORDS.CONFIGURATION": "The manager's configuration can't be used: {why}",
  "error.PASSWORDS.MANAGER_STOPPED":
    "The manager does not answer, and only it can do that. Start the ZStack service first.",
  "error.PASSWORD.WRONG_STORE": "That is not the password of the store's root; nothing was changed.",
  "error.PASSWORD.STORE_UNCERTAIN":
    "Whether the store has the new password is not known. A manager gets in with either. The log says more.",
  "error.CHANNEL.NOT_RENEWED":
    "{failed} of {total} hosts have no new certificate: {names}. Their present one stays good.",
  "error.CLOUD.ABSENT": "The manager does not run.",
  "error.CLOUD.LOST": "The manager went away in the middle: what was asked may be done. Look before you try again.",
  "error.CLOUD.TIMEOUT": "The manager did not answer in time: what was asked may be done. Look before you try again.",
  "error.IDENTITY.1006": "The manager has too many passwords to check. Wait a moment and try again.",
  "passwords.authority.root": "Password of root",
  "passwords.authority.store": "Store's root password",
  "passwords.authorityEmpty": "Give this password.",
  "passwords.mustChange": "Change at log-in",
  "passwords.mustChange.hint": "Whoever logs in with it has to choose another one first. Space switches.",
  "passwords.sure.cloudAdmin": "Change the password of the cloud's admin? All its sessions end.",
  "passwords.sure.storeAdmin": "Change the password of the store's root?",
  "passwords.sure.storeOwn":
    "Change the password of {user} in the store? The manager is restarted with it, which takes seconds as a rule and {limit} at most; until then there is no API. Virtual machines go on running.",
  "passwords.others":
    "Other management nodes use the same store: {names}. Give them the new password at once, or they stop.",
  "passwords.sure.agentChannel":
    "Make new keys and certificates for all {count} hosts? Their present ones end. Nothing is restarted; a host that is not reached keeps what it has.",
  "passwords.renew": "Renew",
  "passwords.channel.about":
    "New keys and certificates between the manager and the agents of all {count} hosts. It takes a second or two for each host; the log says how each one went.",
  "help.passwords.manager":
    "First the password that gives the right to do it, then the new one twice; it is confirmed with Y. At least 8 characters, and none that is guessed first. Nothing of it is shown, logged or kept, but for a hash.",
  "jobs.kind.service.storeAdmin": "store password (root)",
  "jobs.kind.service.storeService": "store password",
  "jobs.kind.service.agentChannel": "renew agent channel",
} as const;
