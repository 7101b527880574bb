//! What holds a pod's namespaces while its containers come and go: the kubelet asks for an image of it.

fn main() {
    loop {
        std::thread::park();
    }
}
