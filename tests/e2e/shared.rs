//! The one control plane that most tests share.
