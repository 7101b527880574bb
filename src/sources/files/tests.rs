use std::fs;

use tempfile::TempDir;

use super::*;

/// Two files whose texts are joined; `bad` is a mistake.
fn watched(folder: &TempDir) -> Watched<String> {
    let paths = ["a", "b"].map(|name| folder.path().join(name)).to_vec();
    let parse = |contents: &[Vec<u8>]| {
        let text = String::from_utf8(contents.concat()).unwrap();
        if text.contains("bad") {
            return Err(vec![format!("cannot use {text}")]);
        }
        Ok(text)
    };
    Watched::new(paths, 10, Box::new(parse))
}

/// Replaces a file by one that was written some time ago.
fn put(folder: &TempDir, name: &str, text: &str) {
    let beside = folder.path().join("beside");
    fs::write(&beside, text).unwrap();
    let written = File::options().write(true).open(&beside).unwrap();
    written
        .set_modified(SystemTime::now() - 10 * SETTLED)
        .unwrap();
    fs::rename(beside, folder.path().join(name)).unwrap();
}

fn two_files() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    put(&folder, "a", "1");
    put(&folder, "b", "2");
    folder
}

#[test]
fn a_change_of_any_file_is_news_once() {
    let folder = two_files();
    let mut files = watched(&folder);
    assert_eq!(files.load(), Ok("12".to_owned()));
    assert_eq!(files.poll(), None);
    put(&folder, "b", "3");
    assert_eq!(files.poll(), Some(Ok("13".to_owned())));
    assert_eq!(files.poll(), None);
}

#[test]
fn a_file_replaced_by_the_same_text_is_no_news() {
    let folder = two_files();
    let mut files = watched(&folder);
    files.load().unwrap();
    put(&folder, "a", "1");
    assert_eq!(files.poll(), None);
    // What moves from one file to the other is a change, though the bytes in a row are the same.
    put(&folder, "a", "12");
    put(&folder, "b", "");
    assert_eq!(files.poll(), Some(Ok("12".to_owned())));
}

#[test]
fn a_mistake_is_told_once_and_the_way_back_is_news() {
    let folder = two_files();
    let mut files = watched(&folder);
    files.load().unwrap();
    put(&folder, "a", "bad");
    let mistake = SourceError::Rejected(vec!["cannot use bad2".to_owned()]);
    assert_eq!(files.poll(), Some(Err(mistake)));
    put(&folder, "a", "bad");
    assert_eq!(files.poll(), None);
    put(&folder, "a", "1");
    assert_eq!(files.poll(), Some(Ok("12".to_owned())));
}

#[test]
fn a_file_that_is_gone_is_told_once_and_its_return_is_news() {
    let folder = two_files();
    let mut files = watched(&folder);
    files.load().unwrap();
    fs::remove_file(folder.path().join("b")).unwrap();
    let news = files.poll();
    assert!(
        matches!(news, Some(Err(SourceError::Unreadable { .. }))),
        "{news:?}"
    );
    assert_eq!(files.poll(), None);
    put(&folder, "b", "2");
    assert_eq!(files.poll(), Some(Ok("12".to_owned())));
}

#[test]
fn a_file_that_is_too_large_is_a_mistake() {
    let folder = two_files();
    let mut files = watched(&folder);
    put(&folder, "a", "12345678901");
    let Err(SourceError::Rejected(problems)) = files.load() else {
        panic!("it is too large");
    };
    assert!(
        problems[0].ends_with("has more than 10 bytes"),
        "{problems:?}"
    );
    assert_eq!(files.poll(), None);
}

#[test]
fn a_file_that_was_just_written_may_not_be_finished() {
    let folder = two_files();
    let mut files = watched(&folder);
    files.load().unwrap();
    let half = File::create(folder.path().join("a")).unwrap();
    half.set_modified(SystemTime::now() + 10 * SETTLED).unwrap();
    // A time in the future says nothing about it.
    assert_eq!(files.poll(), Some(Ok("2".to_owned())));
    half.set_modified(SystemTime::now()).unwrap();
    fs::write(folder.path().join("a"), "7").unwrap();
    let stamps = files.stamps_now().unwrap();
    assert!(stamps.iter().any(Stamp::is_fresh) && files.poll().is_none());
}
