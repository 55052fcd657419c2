//! The page on scripts, and the annotations for editors, against what scripts find.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use donet::ids::Channel;
use donet::script::{Action, Call, Client, Moment, Script, Source, State};

use super::{blocks, book, read};

fn page() -> String {
    read(&book().join("scripting.md"))
}

fn load(text: &str, dc: &str) -> Result<Script, String> {
    let dc = dclass::parse(&[dclass::Source::new("game.dc", dc)]).expect("the classes of the page");
    let source = Source::new("game.lua", text);
    Script::load(&source, &Arc::new(dc)).map_err(|fault| format!("{fault}\n{text}"))
}

/// The words behind `before` in a text.
fn words(text: &str, before: &str) -> BTreeSet<String> {
    let parts = text.split(before).skip(1);
    let word = |part: &str| {
        let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        part[..end.unwrap_or(part.len())].to_owned()
    };
    parts.map(word).filter(|word| !word.is_empty()).collect()
}

#[test]
fn the_scripts_of_the_page_can_be_loaded() {
    let blocks = blocks(&page());
    let of = |language: &str| {
        let texts = blocks.iter().filter(|(_, found, _)| found == language);
        texts.map(|(_, _, text)| text.clone()).collect::<Vec<_>>()
    };
    let (dc, scripts) = (of("dc").concat(), of("lua"));
    assert!(scripts.len() >= 5, "{blocks:?}");
    for script in scripts {
        load(&script, &dc).unwrap_or_else(|fault| panic!("{fault}"));
    }
}

#[test]
fn what_scripts_find_is_on_the_page_and_in_the_annotations_and_nothing_else() {
    let lua = "for name in pairs(donet) do donet.log(name) end";
    let mut script = load(lua, "").unwrap_or_else(|fault| panic!("{fault}"));
    let logged = script.take_actions().into_iter().filter_map(|action| match action {
        Action::Log { text, .. } => text.split(": ").nth(1).map(str::to_owned),
        _ => None,
    });
    let found: BTreeSet<String> = logged.collect();
    assert!(found.len() > 20, "{found:?}");
    let annotations = read(&book().join("client/donet.lua"));
    let in_annotations = words(&annotations, "function donet.");
    let without_drop: BTreeSet<_> = found.iter().filter(|name| *name != "DROP").cloned().collect();
    assert_eq!(in_annotations, without_drop);
    let mut on_page = words(&page(), "`donet.");
    // The file of the annotations.
    on_page.remove("lua");
    on_page.extend(words(&page(), "for `donet."));
    assert_eq!(on_page, found);
}

#[test]
fn clients_have_what_the_page_and_the_annotations_say() {
    let annotations = read(&book().join("client/donet.lua"));
    let methods = words(&annotations, "function Client:");
    assert_eq!(words(&page(), "`client:"), methods);
    let properties = words(&annotations, "---@field ");
    let of_client = ["address", "channel", "gone", "state", "vars"].map(str::to_owned);
    assert!(of_client.iter().all(|name| properties.contains(name)), "{properties:?}");
    assert_eq!(
        words(&page(), "`client."),
        [&of_client[..], &["login", "resume_ms", "script", "trusted"].map(str::to_owned)]
            .concat()
            .into_iter()
            .collect()
    );
    let all = methods.iter().chain(&of_client);
    let looks: Vec<String> = all.map(|name| format!("local _ = client.{name}")).collect();
    let lua = format!("donet.on_connect(function(client)\n{}\nend)", looks.join("\n"));
    let mut script = load(&lua, "").unwrap_or_else(|fault| panic!("{fault}"));
    let moment = Moment { now: Duration::ZERO, random: 0 };
    let client = Client { key: 1, channel: Channel(1), address: "::1", state: State::New };
    if let Err(fault) = script.call(moment, &client, Call::Connect) {
        panic!("{fault}\n{lua}");
    }
}
