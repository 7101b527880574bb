//! From the documented restrictions of the VM roles to permissions.
//!
//! After the published `ClusterRole`s and APIs of `KubeVirt`, CDI and Forklift, and `VmTemplate` of the documentation of
//! Palette. A line that gives nothing is there because somebody would look for it.

use super::Capability::{
    Clone, Delete, Launch, ManageCluster, ManageTemplates, Migrate, Use, View,
};
use super::{Capability, Entry, OTHERS};

const READ: &[&str] = &["get", "list", "watch"];
const WRITE: &[&str] = &["create", "update", "patch"];
const CHANGE: &[&str] = &["update", "patch"];
const REMOVE: &[&str] = &["delete", "deletecollection"];
const WRITE_OR_REMOVE: &[&str] = &["create", "update", "patch", "delete", "deletecollection"];
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
        ManageCluster,
        "kubevirt.io",
        &["kubevirts", "kubevirts/status", "kubevirts/finalizers"],
        WRITE_OR_REMOVE,
    ),
    gives(View, "kubevirt.io", &[OTHERS], READ),
    gives(Launch, "kubevirt.io", &[OTHERS], WRITE)
        .since("not known yet, so taken for the most likely"),
    gives(Delete, "kubevirt.io", &[OTHERS], REMOVE),
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
            "virtualmachines/evacuate/cancel",
            "virtualmachineinstances/evacuate/cancel",
        ],
        WRITE,
    ),
    gives(
        Clone,
        "subresources.kubevirt.io",
        &["virtualmachineinstances/backup"],
        WRITE,
    ),
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
        &[OTHERS],
        &["get", "create", "update", "patch"],
    )
    .since("not known yet; a console would be opened by `get`"),
    // Snapshots, which the role of Palette of the same level may take, restore and delete as well.
    gives(
        View,
        "snapshot.kubevirt.io",
        &[
            "virtualmachinesnapshots",
            "virtualmachinesnapshotcontents",
            "virtualmachinerestores",
            OTHERS,
        ],
        READ,
    ),
    gives(
        Use,
        "snapshot.kubevirt.io",
        &[
            "virtualmachinesnapshots",
            "virtualmachinesnapshotcontents",
            "virtualmachinerestores",
            OTHERS,
        ],
        WRITE_OR_REMOVE,
    )
    .since("Palette's Virtual Machine User has every operation on snapshots"),
    // Copies.
    gives(
        View,
        "clone.kubevirt.io",
        &["virtualmachineclones", OTHERS],
        READ,
    ),
    gives(
        Clone,
        "clone.kubevirt.io",
        &["virtualmachineclones", OTHERS],
        WRITE_OR_REMOVE,
    ),
    gives(
        View,
        "export.kubevirt.io",
        &["virtualmachineexports", OTHERS],
        READ,
    ),
    gives(
        Clone,
        "export.kubevirt.io",
        &["virtualmachineexports", OTHERS],
        WRITE_OR_REMOVE,
    )
    .since("an export is a copy of the disks"),
    gives(
        View,
        "backup.kubevirt.io",
        &[
            "virtualmachinebackups",
            "virtualmachinebackuptrackers",
            OTHERS,
        ],
        READ,
    ),
    gives(
        Clone,
        "backup.kubevirt.io",
        &[
            "virtualmachinebackups",
            "virtualmachinebackuptrackers",
            OTHERS,
        ],
        WRITE_OR_REMOVE,
    ),
    // Pools.
    gives(
        View,
        "pool.kubevirt.io",
        &["virtualmachinepools", OTHERS],
        READ,
    ),
    gives(
        Launch,
        "pool.kubevirt.io",
        &["virtualmachinepools", "virtualmachinepools/scale", OTHERS],
        WRITE,
    ),
    gives(
        Delete,
        "pool.kubevirt.io",
        &["virtualmachinepools", OTHERS],
        REMOVE,
    ),
    // Templates.
    nothing("instancetype.kubevirt.io", INSTANCETYPES, READ)
        .since("`instancetype.kubevirt.io:view` hands them to everybody"),
    gives(
        ManageTemplates,
        "instancetype.kubevirt.io",
        INSTANCETYPES,
        WRITE_OR_REMOVE,
    ),
    gives(
        ManageTemplates,
        "flavor.kubevirt.io",
        &[
            "virtualmachineflavors",
            "virtualmachineclusterflavors",
            OTHERS,
        ],
        WRITE_OR_REMOVE,
    )
    .since("the name of instancetypes before KubeVirt 0.55"),
    gives(
        ManageTemplates,
        "template.kubevirt.io",
        &["virtualmachinetemplates", OTHERS],
        WRITE_OR_REMOVE,
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
        ],
        READ,
    )
    .since("a disk is no machine, and catalogues of images are read by everybody"),
    nothing("cdi.kubevirt.io", &["datavolumes/source"], ANY)
        .since("`cdi.kubevirt.io:view` has `create` on it; to copy takes a DataVolume as well"),
    gives(Launch, "cdi.kubevirt.io", DISKS, WRITE),
    gives(Delete, "cdi.kubevirt.io", DISKS, REMOVE),
    gives(
        Launch,
        "upload.cdi.kubevirt.io",
        &["uploadtokenrequests"],
        WRITE,
    ),
    gives(
        Launch,
        "forklift.cdi.kubevirt.io",
        &["ovirtvolumepopulators", "openstackvolumepopulators"],
        WRITE,
    ),
    gives(
        Launch,
        "forklift.konveyor.io",
        &["migrations", "plans"],
        WRITE,
    )
    .since("brings machines in from elsewhere"),
    // The cluster; counts only beside a line above.
    nothing(
        "cdi.kubevirt.io",
        &["cdis", "cdiconfigs", "storageprofiles", "objecttransfers"],
        READ,
    )
    .since("`cdi.kubevirt.io:config-reader` hands them to everybody"),
    gives(
        ManageCluster,
        "cdi.kubevirt.io",
        &["cdis", "cdiconfigs", "storageprofiles", "objecttransfers"],
        WRITE_OR_REMOVE,
    ),
    nothing("migrations.kubevirt.io", &["migrationpolicies"], READ),
    gives(
        ManageCluster,
        "migrations.kubevirt.io",
        &["migrationpolicies"],
        WRITE_OR_REMOVE,
    ),
    gives(
        ManageCluster,
        "hco.kubevirt.io",
        &["hyperconvergeds"],
        WRITE_OR_REMOVE,
    ),
    gives(ManageCluster, "ssp.kubevirt.io", &["ssps"], WRITE_OR_REMOVE),
    gives(
        ManageCluster,
        "cluster.spectrocloud.com",
        &["spectroclusters", "packs"],
        WRITE_OR_REMOVE,
    ),
    gives(
        ManageCluster,
        "",
        &["nodes", "namespaces", "persistentvolumes"],
        WRITE_OR_REMOVE,
    ),
    gives(
        ManageCluster,
        "rbac.authorization.k8s.io",
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
    OTHERS,
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
