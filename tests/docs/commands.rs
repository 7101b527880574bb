use crate::page::Page;

/// Flags that no program has, and commands of ours that it would not take.
pub fn wrong(page: &Page) -> Vec<String> {
    let _ = page;
    todo!()
}
