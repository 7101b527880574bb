//! From the documented restrictions of the VM roles to permissions.
//!
//! After the published `ClusterRole`s and APIs of `KubeVirt` 1.9, CDI 1.66 and Forklift, and what the documentation of
//! Palette says of VMO. A line that gives nothing is there because somebody would look for it.

use super::super::RBAC_GROUP;
use super::Capability::{
    Clone, Delete, Launch, ManageCluster, ManageTemplates, ManageVirtualization, Migrate, Use, View,
};
use super::{Capability, Entry, MACHINE, MACHINE_SCALE, MACHINE_SUBRESOURCE, OTHER_GROUPS};

const READ: &[&str] = &["get", "list", "watch"];
const WRITE: &[&str] = &["create", "update", "patch"];
const CHANGE: &[&str] = &["update", "patch"];
const REMOVE: &[&str] = &["delete", "deletecollection"];
const WRITE_OR_REMOVE: &[&str] = &["create", "update", "patch", "delete", "deletecollection"];
const READ_OR_REMOVE: &[&str] = &["get", "list", "watch", "delete", "deletecollection"];
const CONNECT: &[&str] = &["get", "create", "update"];
const ANY: &[&str] = &[
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
];

pub(super) const TABLE: &[Entry] = &[
    // Virtual machines.
    gives(View, "kubevirt.io", MACHINES, READ),
    gives(
        Use,
        "kubevirt.io",
        &["virtualmachines", "virtualmachineinstances"],
        CHANGE,
    )
    .since("a running machine is stopped by writing `spec`"),
    gives(
        Use,
        "kubevirt.io",
        &[
            "virtualmachines/status",
            "virtualmachineinstances/status",
            "virtualmachines/finalizers",
            "virtualmachineinstances/finalizers",
        ],
        CHANGE,
    ),
    nothing(
        "kubevirt.io",
        &[
            "virtualmachines/finalizers",
            "virtualmachineinstances/finalizers",
        ],
        &["get", "list", "watch", "create", "delete"],
    )
    .since("only to write them means anything"),
    gives(
        Launch,
        "kubevirt.io",
        &["virtualmachines", "virtualmachineinstances"],
        &["create"],
    ),
    gives(
        Launch,
        "kubevirt.io",
        &[
            "virtualmachineinstancereplicasets",
            "virtualmachineinstancereplicasets/scale",
            "virtualmachineinstancepresets",
        ],
        WRITE,
    )
    .since("to scale is to launch"),
    gives(
        Delete,
        "kubevirt.io",
        &[
            "virtualmachines",
            "virtualmachineinstances",
            "virtualmachineinstancereplicasets",
            "virtualmachineinstancepresets",
        ],
        REMOVE,
    ),
    gives(
        Migrate,
        "kubevirt.io",
        &["virtualmachineinstancemigrations"],
        WRITE_OR_REMOVE,
    ),
    nothing("kubevirt.io", &["kubevirts"], READ)
        .since("`kubevirt.io:default` hands it to everybody"),
    gives(
        ManageVirtualization,
        "kubevirt.io",
        &["kubevirts", "kubevirts/status", "kubevirts/finalizers"],
        WRITE_OR_REMOVE,
    ),
    gives(View, "kubevirt.io", &[MACHINE], READ),
    gives(Launch, "kubevirt.io", &[MACHINE], WRITE)
        .since("not known yet, so taken for the most likely"),
    gives(
        Delete,
        "kubevirt.io",
        &[MACHINE],
        REMOVE,
    ),
    nothing("kubevirt.io", &[MACHINE_SUBRESOURCE], ANY)
        .since("what is done with a machine is in `subresources.kubevirt.io`"),
    // Whatever comes with the next release.
    gives(View, OTHER_GROUPS, &[MACHINE, MACHINE_SUBRESOURCE], READ),
    gives(Use, OTHER_GROUPS, &[MACHINE_SUBRESOURCE], &["get"])
        .since("not known yet; a console would be opened by `get`"),
    gives(
        Launch,
        OTHER_GROUPS,
        &[MACHINE, MACHINE_SUBRESOURCE, MACHINE_SCALE],
        WRITE,
    )
    .since("not known yet, so taken for the most likely"),
    gives(
        Delete,
        OTHER_GROUPS,
        &[MACHINE, MACHINE_SUBRESOURCE],
        REMOVE,
    ),
    // What is done with a machine.
    gives(
        View,
        "subresources.kubevirt.io",
        &[
            "virtualmachines/expand-spec",
            "virtualmachines/objectgraph",
            "virtualmachineinstances/objectgraph",
            "virtualmachineinstances/guestosinfo",
            "virtualmachineinstances/filesystemlist",
            "virtualmachineinstances/userlist",
            "virtualmachineinstances/sev",
            "virtualmachineinstances/sev/fetchcertchain",
            "virtualmachineinstances/sev/querylaunchmeasurement",
        ],
        READ,
    ),
    gives(
        Use,
        "subresources.kubevirt.io",
        &[
            "virtualmachineinstances/console",
            "virtualmachineinstances/vnc",
            "virtualmachineinstances/vnc/screenshot",
            "virtualmachineinstances/usbredir",
            "virtualmachineinstances/vsock",
            "virtualmachineinstances/portforward",
            "virtualmachines/portforward",
        ],
        CONNECT,
    )
    .since("a console is opened by `get`"),
    gives(
        Use,
        "subresources.kubevirt.io",
        &[
            "virtualmachines/start",
            "virtualmachines/stop",
            "virtualmachines/restart",
            "virtualmachines/addvolume",
            "virtualmachines/removevolume",
            "virtualmachines/memorydump",
            "virtualmachines/removememorydump",
            "virtualmachineinstances/pause",
            "virtualmachineinstances/unpause",
            "virtualmachineinstances/freeze",
            "virtualmachineinstances/unfreeze",
            "virtualmachineinstances/reset",
            "virtualmachineinstances/softreboot",
            "virtualmachineinstances/addvolume",
            "virtualmachineinstances/removevolume",
            "virtualmachineinstances/sev",
            "virtualmachineinstances/sev/setupsession",
            "virtualmachineinstances/sev/injectlaunchsecret",
        ],
        WRITE,
    ),
    gives(
        Migrate,
        "subresources.kubevirt.io",
        &[
            "virtualmachines/migrate",
            "virtualmachines/evacuate",
            "virtualmachines/evacuate/cancel",
            "virtualmachineinstances/evacuate",
            "virtualmachineinstances/evacuate/cancel",
        ],
        WRITE,
    ),
    gives(
        Clone,
        "subresources.kubevirt.io",
        &[
            "virtualmachineinstances/backup",
            "virtualmachineinstances/redefine-checkpoint",
        ],
        WRITE,
    )
    .since("a backup is a copy of the disks, and a checkpoint is where the next one begins"),
    nothing(
        "subresources.kubevirt.io",
        &["version", "guestfs", "healthz"],
        ANY,
    )
    .since("`kubevirt.io:default` hands them to everybody"),
    nothing("subresources.kubevirt.io", &["expand-vm-spec"], ANY)
        .since("`kubevirt.io:view` has `update` on it; it writes nothing"),
    nothing(
        "subresources.kubevirt.io",
        &[
            "start-cluster-profiler",
            "stop-cluster-profiler",
            "dump-cluster-profiler",
        ],
        ANY,
    )
    .since("measures KubeVirt itself"),
    gives(
        Use,
        "subresources.kubevirt.io",
        &[MACHINE_SUBRESOURCE],
        &["get", "create", "update", "patch"],
    )
    .since("not known yet; a console would be opened by `get`"),
    gives(Use, "token.kubevirt.io", &["virtualmachines/vnc"], CONNECT)
        .since("the token that `get` returns opens the console"),
    // Snapshots.
    gives(
        View,
        "snapshot.kubevirt.io",
        &[
            "virtualmachinesnapshots",
            "virtualmachinesnapshotcontents",
            "virtualmachinerestores",
            MACHINE,
        ],
        READ,
    ),
    gives(
        Use,
        "snapshot.kubevirt.io",
        &[
            "virtualmachinesnapshots",
            "virtualmachinesnapshotcontents",
            MACHINE,
        ],
        WRITE_OR_REMOVE,
    )
    .since("Palette's Virtual Machine User has every operation on snapshots"),
    gives(
        Clone,
        "snapshot.kubevirt.io",
        &["virtualmachinerestores"],
        &["create"],
    )
    .since("makes the machine that it names if there is none; Palette's Virtual Machine User has `snapshot…` and no restore"),
    gives(
        Use,
        "snapshot.kubevirt.io",
        &["virtualmachinerestores"],
        &["update", "patch", "delete", "deletecollection"],
    ),
    // Copies.
    gives(
        View,
        "clone.kubevirt.io",
        &["virtualmachineclones", MACHINE],
        READ,
    ),
    gives(
        Clone,
        "clone.kubevirt.io",
        &["virtualmachineclones", MACHINE],
        WRITE_OR_REMOVE,
    ),
    gives(
        View,
        "export.kubevirt.io",
        &["virtualmachineexports", MACHINE],
        READ,
    ),
    gives(
        Clone,
        "export.kubevirt.io",
        &["virtualmachineexports", MACHINE],
        WRITE_OR_REMOVE,
    )
    .since("an export is a copy of the disks"),
    gives(
        View,
        "backup.kubevirt.io",
        &[
            "virtualmachinebackups",
            "virtualmachinebackuptrackers",
            MACHINE,
        ],
        READ,
    ),
    gives(
        Clone,
        "backup.kubevirt.io",
        &[
            "virtualmachinebackups",
            "virtualmachinebackuptrackers",
            MACHINE,
        ],
        WRITE_OR_REMOVE,
    ),
    // Pools.
    gives(
        View,
        "pool.kubevirt.io",
        &["virtualmachinepools", MACHINE],
        READ,
    ),
    gives(
        Launch,
        "pool.kubevirt.io",
        &["virtualmachinepools", "virtualmachinepools/scale", MACHINE, MACHINE_SCALE],
        WRITE,
    ),
    gives(
        Delete,
        "pool.kubevirt.io",
        &["virtualmachinepools", MACHINE],
        REMOVE,
    ),
    // Moves of disks, with the machines that they belong to.
    gives(
        View,
        "migrations.kubevirt.io",
        STORAGE_MIGRATIONS,
        READ,
    ),
    gives(
        Migrate,
        "migrations.kubevirt.io",
        STORAGE_MIGRATIONS,
        WRITE_OR_REMOVE,
    ),
    // Templates.
    nothing("instancetype.kubevirt.io", INSTANCETYPES, READ)
        .since("`instancetype.kubevirt.io:view` hands them to everybody"),
    gives(
        View,
        "instancetype.kubevirt.io",
        &[MACHINE],
        READ,
    ),
    gives(
        ManageTemplates,
        "instancetype.kubevirt.io",
        INSTANCETYPES,
        WRITE_OR_REMOVE,
    ),
    gives(
        ManageTemplates,
        "instancetype.kubevirt.io",
        &[MACHINE],
        WRITE_OR_REMOVE,
    ),
    gives(
        ManageTemplates,
        "flavor.kubevirt.io",
        &[
            "virtualmachineflavors",
            "virtualmachineclusterflavors",
            MACHINE,
        ],
        WRITE_OR_REMOVE,
    )
    .since("the name of instancetypes before KubeVirt 0.55"),
    nothing(
        "template.kubevirt.io",
        &[
            "virtualmachinetemplates",
            "virtualmachinetemplates/status",
            "virtualmachinetemplaterequests",
            "virtualmachinetemplaterequests/status",
        ],
        READ,
    )
    .since("a template is no machine"),
    gives(
        View,
        "template.kubevirt.io",
        &[MACHINE],
        READ,
    ),
    gives(
        ManageTemplates,
        "template.kubevirt.io",
        &[
            "virtualmachinetemplates",
            "virtualmachinetemplaterequests",
            MACHINE,
        ],
        WRITE_OR_REMOVE,
    ),
    gives(
        Clone,
        "template.kubevirt.io",
        &["virtualmachinetemplaterequests/source"],
        WRITE,
    )
    .since("lets a template be made of the namespace's machines and their disks"),
    gives(
        Launch,
        "subresources.template.kubevirt.io",
        &[
            "virtualmachinetemplates/create",
            "virtualmachinetemplates/process",
            MACHINE_SUBRESOURCE,
        ],
        WRITE,
    )
    .since("the machine is made by a ServiceAccount"),
    gives(
        Use,
        "subresources.template.kubevirt.io",
        &[MACHINE_SUBRESOURCE],
        &["get"],
    ),
    nothing("spectrocloud.com", &["vmtemplates"], READ)
        .since("older packs hand them to every VM user"),
    gives(
        ManageTemplates,
        "spectrocloud.com",
        &["vmtemplates"],
        WRITE_OR_REMOVE,
    ),
    gives(
        ManageVirtualization,
        "spectrocloud.com",
        &["vmo…"],
        WRITE_OR_REMOVE,
    )
    .since("VMO's own access lists, templates and policies; whoever is in them needs no binding"),
    gives(
        ManageTemplates,
        "cdi.kubevirt.io",
        &["datasources", "dataimportcrons"],
        WRITE_OR_REMOVE,
    )
    .since("the golden images that machines are made from"),
    // Disks.
    nothing(
        "cdi.kubevirt.io",
        &[
            "datavolumes",
            "datasources",
            "dataimportcrons",
            "volumeimportsources",
            "volumeuploadsources",
            "volumeclonesources",
            "datavolumes/finalizers",
        ],
        READ,
    )
    .since("a disk is no machine, and catalogues of images are read by everybody"),
    gives(Clone, "cdi.kubevirt.io", &["datavolumes/source"], WRITE)
        .since("copies the namespace's disks to wherever one may make a DataVolume; in `cdi.kubevirt.io:view` before CDI 1.66"),
    gives(Launch, "cdi.kubevirt.io", DISKS, WRITE),
    gives(Delete, "cdi.kubevirt.io", DISKS, REMOVE),
    nothing(
        "cdi.kubevirt.io",
        &["datavolumes/finalizers"],
        WRITE_OR_REMOVE,
    ),
    nothing(
        "upload.cdi.kubevirt.io",
        &["uploadtokenrequests"],
        READ_OR_REMOVE,
    )
    .since("a token is made, and never kept"),
    gives(
        Launch,
        "upload.cdi.kubevirt.io",
        &["uploadtokenrequests"],
        WRITE,
    ),
    gives(
        Launch,
        "forklift.cdi.kubevirt.io",
        &[
            "ovirtvolumepopulators",
            "openstackvolumepopulators",
            "…populators",
        ],
        WRITE,
    ),
    nothing(
        "forklift.cdi.kubevirt.io",
        &["ovirtvolumepopulators", "openstackvolumepopulators"],
        READ_OR_REMOVE,
    )
    .since("says where a disk comes from, and is none"),
    gives(
        Launch,
        "forklift.konveyor.io",
        &[
            "migrations",
            "plans",
            "conversions",
            "providers",
            "hosts",
            "hooks",
            "…populators",
            "…providers",
            "…providerservers",
            "copyappliance…",
        ],
        WRITE,
    )
    .since("brings machines and disks in from elsewhere"),
    nothing(
        "forklift.konveyor.io",
        &[
            "networkmaps",
            "storagemaps",
            "toeholdtemplates",
            "virtualizationvalidations",
        ],
        WRITE,
    )
    .since("brings in no machine by itself"),
    nothing(
        "forklift.konveyor.io",
        &["forkliftcontrollers", "forkliftcontrollers/status"],
        READ,
    ),
    // What virtualization itself consists of.
    gives(
        ManageVirtualization,
        "forklift.konveyor.io",
        &["forkliftcontrollers"],
        WRITE_OR_REMOVE,
    ),
    nothing(
        "cdi.kubevirt.io",
        &["cdis", "cdiconfigs", "storageprofiles", "objecttransfers"],
        READ,
    )
    .since("`cdi.kubevirt.io:config-reader` hands them to everybody"),
    gives(
        ManageVirtualization,
        "cdi.kubevirt.io",
        &["cdis", "cdiconfigs", "storageprofiles", "objecttransfers"],
        WRITE_OR_REMOVE,
    ),
    nothing("migrations.kubevirt.io", &["migrationpolicies"], READ),
    gives(
        ManageVirtualization,
        "migrations.kubevirt.io",
        &["migrationpolicies", "migcontrollers"],
        WRITE_OR_REMOVE,
    ),
    gives(
        ManageVirtualization,
        "hco.kubevirt.io",
        &["hyperconvergeds"],
        WRITE_OR_REMOVE,
    ),
    gives(
        ManageVirtualization,
        "aaq.kubevirt.io",
        &["aaqs"],
        WRITE_OR_REMOVE,
    ),
    gives(
        ManageVirtualization,
        "ssp.kubevirt.io",
        &["ssps"],
        WRITE_OR_REMOVE,
    ),
    gives(
        ManageVirtualization,
        "networkaddonsoperator.network.kubevirt.io",
        &["networkaddonsconfigs"],
        WRITE_OR_REMOVE,
    ),
    gives(
        ManageVirtualization,
        "plugin.kubevirt.io",
        &["plugins"],
        WRITE_OR_REMOVE,
    )
    .since("a plugin rewrites every machine that starts"),
    gives(
        ManageVirtualization,
        "cluster.spectrocloud.com",
        &["spectroclusters", "packs"],
        WRITE_OR_REMOVE,
    )
    .since("Palette's agent installs what a pack says"),
    // The cluster; counts only beside a line above.
    gives(
        ManageCluster,
        "",
        &["nodes", "namespaces", "persistentvolumes"],
        WRITE_OR_REMOVE,
    ),
    gives(
        ManageCluster,
        RBAC_GROUP,
        &["clusterroles", "clusterrolebindings"],
        &[
            "create",
            "update",
            "patch",
            "delete",
            "deletecollection",
            "bind",
            "escalate",
        ],
    ),
    gives(
        ManageCluster,
        "admissionregistration.k8s.io",
        &[
            "mutatingwebhookconfigurations",
            "validatingwebhookconfigurations",
            "mutatingadmissionpolicies",
            "mutatingadmissionpolicybindings",
            "validatingadmissionpolicies",
            "validatingadmissionpolicybindings",
        ],
        WRITE_OR_REMOVE,
    ),
    gives(
        ManageCluster,
        "apiextensions.k8s.io",
        &["customresourcedefinitions"],
        WRITE_OR_REMOVE,
    ),
    gives(
        ManageCluster,
        "apiregistration.k8s.io",
        &["apiservices"],
        WRITE_OR_REMOVE,
    ),
    gives(
        ManageCluster,
        "hostpathprovisioner.kubevirt.io",
        &["hostpathprovisioners"],
        WRITE_OR_REMOVE,
    ),
    gives(
        ManageCluster,
        "storage.k8s.io",
        &["storageclasses", "csidrivers", "volumeattachments"],
        WRITE_OR_REMOVE,
    ),
    gives(
        ManageCluster,
        "scheduling.k8s.io",
        &["priorityclasses"],
        WRITE_OR_REMOVE,
    ),
    gives(
        ManageCluster,
        "certificates.k8s.io",
        &["certificatesigningrequests/approval", "signers"],
        &["update", "patch", "approve", "sign"],
    ),
];

const MACHINES: &[&str] = &[
    "virtualmachines",
    "virtualmachines/status",
    "virtualmachineinstances",
    "virtualmachineinstances/status",
    "virtualmachineinstancepresets",
    "virtualmachineinstancereplicasets",
    "virtualmachineinstancemigrations",
];

const INSTANCETYPES: &[&str] = &[
    "virtualmachineinstancetypes",
    "virtualmachineclusterinstancetypes",
    "virtualmachinepreferences",
    "virtualmachineclusterpreferences",
];

const STORAGE_MIGRATIONS: &[&str] = &[
    "virtualmachinestoragemigrations",
    "virtualmachinestoragemigrations/status",
    "virtualmachinestoragemigrationplans",
    "virtualmachinestoragemigrationplans/status",
    "multinamespacevirtualmachinestoragemigrations",
    "multinamespacevirtualmachinestoragemigrations/status",
    "multinamespacevirtualmachinestoragemigrationplans",
    "multinamespacevirtualmachinestoragemigrationplans/status",
    MACHINE,
];

const DISKS: &[&str] = &[
    "datavolumes",
    "volumeimportsources",
    "volumeuploadsources",
    "volumeclonesources",
];

const fn gives(
    capability: Capability,
    group: &'static str,
    resources: &'static [&'static str],
    verbs: &'static [&'static str],
) -> Entry {
    Entry {
        gives: Some(capability),
        ..nothing(group, resources, verbs)
    }
}

const fn nothing(
    group: &'static str,
    resources: &'static [&'static str],
    verbs: &'static [&'static str],
) -> Entry {
    Entry {
        group,
        resources,
        verbs,
        gives: None,
        why: "",
    }
}

impl Entry {
    const fn since(self, why: &'static str) -> Self {
        Self { why, ..self }
    }
}
