use crate::harness::assets::Assets;
use crate::harness::cluster::{Cluster, User};

#[test]
fn a() {
    let assets = Assets::find().unwrap();
    let cluster = Cluster::start("x", &assets, &[User{name:"admin", groups: &["system:masters"]}]).unwrap();
    let t = cluster.kubectl.run("create rolebinding x --clusterrole=view --user=ines@orchard.test").unwrap();
    println!("{t}");
    let t = cluster.kubectl.run("get clusterrolebindings").unwrap();
    println!("{t}");
}
