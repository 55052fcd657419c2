//! The text of a script, with the script that it makes.

use std::sync::Arc;

use dclass::DcFile;
use parking_lot::Mutex;

use super::{Fault, Hooks, Script};

/// The text of a script. It is compiled and run where nobody waits for that, when the configuration is read; whoever uses it then
/// takes what has come of it, and it need not run a second time, when it might fail.
#[derive(Clone, Debug)]
pub struct Source {
    /// As errors show it, such as `game.lua`.
    pub name: String,
    /// What stands in the file.
    pub text: Vec<u8>,
    ready: Arc<Mutex<Option<Ready>>>,
}

#[derive(Debug)]
struct Ready {
    script: Script,
    /// Of the DC files that it knows.
    dc_hash: u32,
}

impl PartialEq for Source {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, &self.text) == (&other.name, &other.text)
    }
}

impl Eq for Source {}

impl Source {
    /// What stands in a file of this name.
    pub fn new(name: impl Into<String>, text: impl Into<Vec<u8>>) -> Self {
        Source { name: name.into(), text: text.into(), ready: Arc::default() }
    }

    /// Has a script ready for whoever takes it: which hooks it has.
    ///
    /// # Errors
    /// As [`Script::load`].
    pub fn prepare(&self, dc: &Arc<DcFile>) -> Result<Hooks, Fault> {
        let script = Script::load(self, dc)?;
        let hooks = script.hooks();
        *self.ready.lock() = Some(Ready { script, dc_hash: dc.hash() });
        Ok(hooks)
    }

    /// The script that is ready, if it is for such DC files; or one that is loaded now.
    ///
    /// # Errors
    /// As [`Script::load`].
    pub fn take(&self, dc: &Arc<DcFile>) -> Result<Script, Fault> {
        match self.ready.lock().take() {
            Some(Ready { script, dc_hash }) if dc_hash == dc.hash() => Ok(script),
            _ => Script::load(self, dc),
        }
    }

    /// Nobody takes the script that is ready.
    pub fn discard(&self) {
        self.ready.lock().take();
    }
}

#[cfg(all(test, feature = "lua"))]
mod tests {
    use super::*;

    fn dc(text: &str) -> Arc<DcFile> {
        dclass::parse(&[dclass::Source::new("test.dc", text)]).expect("valid").into()
    }

    #[test]
    fn what_is_ready_is_taken_once_and_only_for_the_same_classes() {
        let source = Source::new("game.lua", "donet.log('runs')");
        let (one, other) = (dc("dclass A { a(); };"), dc("dclass B { b(string); };"));
        let is_ready = |source: &Source| source.ready.lock().is_some();
        assert!(source.prepare(&one).is_ok() && is_ready(&source));
        // Equal are those whose text is.
        assert_eq!(source, Source::new("game.lua", "donet.log('runs')"));
        let mut script = source.take(&one).expect("it is ready");
        assert_eq!(script.take_actions().len(), 1);
        assert!(!is_ready(&source) && source.take(&one).is_ok());
        assert!(source.prepare(&one).is_ok() && source.take(&other).is_ok() && !is_ready(&source));
        assert!(source.prepare(&one).is_ok());
        source.discard();
        assert!(!is_ready(&source));
        assert!(Source::new("game.lua", "error('no')").prepare(&one).is_err());
    }
}
