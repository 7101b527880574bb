//! Manifests as `check` reads them beside kubectl's own reader, the program `reads`, which the environment variable
//! `READS` names.

#![no_main]

#[path = "../../tests/kubernetes/agreement.rs"]
mod agreement;

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use agreement::{Agreement, agreement, question};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: {
    let abort = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if !palette_rbac::manifest::contains_panics() {
            abort(info);
        }
    }));
}, |text: &[u8]| {
    let answer = READER.with_borrow_mut(|reader| reader.ask(text));
    if let Agreement::No(what) = agreement(text, &answer) {
        panic!("{what}");
    }
});

thread_local! {
    static READER: RefCell<Reader> = RefCell::new(Reader::start());
}

/// Ends with this process, whose end closes its input.
struct Reader {
    _process: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Reader {
    fn start() -> Self {
        let program = std::env::var_os("READS").expect("READS names the program `reads`");
        let mut process = Command::new(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("READS runs");
        let questions = process.stdin.take().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap());
        Self {
            _process: process,
            questions,
            answers,
        }
    }

    fn ask(&mut self, text: &[u8]) -> String {
        self.questions.write_all(&question(text)).expect("it reads");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("it answers");
        answer
    }
}
