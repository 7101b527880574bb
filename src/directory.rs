//! Who holds which Palette roles, where: the directory document and what it is compiled to.
//!
//! Look-ups are exact; near misses are only for messages. Nothing here knows the policy or the cluster.
