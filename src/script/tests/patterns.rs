//! Our matcher against Lua's own.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;

/// Does all that there is with a text and a pattern, and says what came of it.
const TRY: &str = "
    local function show(...)
        local all = table.pack(...)
        for i = 1, all.n do all[i] = tostring(all[i]) end
        return table.concat(all, ',')
    end
    local function all_of(text, pattern)
        local all = {}
        for a, b in text:gmatch(pattern) do all[#all + 1] = show(a, b) end
        return table.concat(all, ';')
    end
    function try_all(text, pattern, init, new)
        local all = {}
        local function note(f, ...)
            local result = table.pack(pcall(f, ...))
            all[#all + 1] = result[1] and show(table.unpack(result, 2, result.n)) or 'error'
        end
        note(string.find, text, pattern, init)
        note(string.find, text, pattern, init, true)
        note(string.match, text, pattern, init)
        note(all_of, text, pattern)
        note(string.gsub, text, pattern, new)
        note(string.gsub, text, pattern, '<%0>', init)
        note(string.gsub, text, pattern, function(a, b) return b end)
        return table.concat(all, '|')
    end";

fn texts() -> impl Strategy<Value = String> {
    "[ab1_(\\[\\]\\)\\. ]{0,10}"
}

fn patterns() -> impl Strategy<Value = String> {
    let item = prop_oneof![
        8 => prop::sample::select(vec!["a", "b", ".", "%a", "%d", "%s", "%A", "%.", "_", " "]),
        4 => prop::sample::select(vec!["[ab]", "[^a]", "[a-z]", "[%d_]", "[]]", "[^%a]", "[a-]"]),
        5 => prop::sample::select(vec!["*", "+", "-", "?"]),
        3 => prop::sample::select(vec!["(", ")", "()", "(a)", "(.-)"]),
        2 => prop::sample::select(vec!["%1", "%2", "%b()", "%b[]", "%f[%a]", "%f[^a]"]),
        1 => prop::sample::select(vec!["^", "$", "%", "[", "]", "%b", "%f", "[a", "[%"]),
    ];
    let anchors = (prop::bool::weighted(0.2), prop::bool::weighted(0.2));
    (anchors, prop::collection::vec(item, 0..6)).prop_map(|((first, last), items)| {
        let [first, last] =
            [(first, "^"), (last, "$")].map(|(is, anchor)| if is { anchor } else { "" });
        format!("{first}{}{last}", items.concat())
    })
}

#[test]
fn patterns_do_what_they_do_in_lua_itself() {
    let plain = mlua::Lua::new();
    plain.load(TRY).exec().expect("it is right");
    let function: mlua::Function = plain.globals().get("try_all").expect("it is there");
    let ours = std::cell::RefCell::new(stage(&format!(
        "{TRY}
        donet.on_message(function(client, message)
            donet.log(try_all(string.unpack('<s2s2i1s2', message)))
        end)"
    )));
    let new = prop::sample::select(vec!["x", "", "%1", "%0%0", "%2", "%%", "%", "%x"]);
    let all = (texts(), patterns(), -3i8..5, new);
    let config = Config { failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&all, |(text, pattern, init, new)| {
        let theirs: String =
            function.call((&*text, &*pattern, init, new)).expect("errors are caught");
        let mut message = Vec::new();
        for part in [&*text, &*pattern] {
            Writer::new(&mut message).blob(part.as_bytes());
        }
        message.push(init.cast_unsigned());
        Writer::new(&mut message).blob(new.as_bytes());
        let mut ours = ours.borrow_mut();
        let verdict = ours.call(Call::Message(&message));
        prop_assert_eq!(verdict, Ok(Verdict::Pass));
        prop_assert_eq!(ours.said(), [theirs], "{:?} in {:?}", pattern, text);
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}
