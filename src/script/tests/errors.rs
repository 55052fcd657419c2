use super::*;

#[test]
fn a_file_that_is_wrong_says_where() {
    let cases = [
        ("x =", "game.lua:1: unexpected symbol near <eof>"),
        ("\nlocal 5", "game.lua:2: <name> expected near '5'"),
        ("\n\nerror('no')", "game.lua:3: no"),
        ("error('no', 0)", "game.lua:1: no"),
        ("local x x.y = 1", "game.lua:1: attempt to index a nil value (local 'x')"),
        (
            "donet.on_conect(function() end)",
            "game.lua:1: there is no `donet.on_conect`; did you mean `on_connect`?",
        ),
        (
            "donet.on_connect()",
            "game.lua:1: donet.on_connect: argument 1: found nothing, expected a function",
        ),
        (
            "donet.on_connect(print) donet.on_connect(print)",
            "game.lua:1: donet.on_connect: there is such a hook already",
        ),
        (
            "donet.on_field('Avatar.setXZ', print)",
            "game.lua:1: donet.on_field: class `Avatar` has no field `setXZ`; did you mean `setXY`?",
        ),
        (
            "donet.on_field('Avtar.setXY', print)",
            "game.lua:1: donet.on_field: there is no class `Avtar`; did you mean `Avatar`?",
        ),
        (
            "donet.on_field('setXY', print)",
            "game.lua:1: donet.on_field: `setXY` does not name a class and a field, as Class.field does; did you mean `Avatar.setXY` or `Toon.setXY`?",
        ),
        (
            "donet.on_field('Avatar.setXYH', print)",
            "game.lua:1: donet.on_field: `Avatar.setXYH` is molecular: hooks are for its parts, setXY, setH, and are called for them in it, too",
        ),
        (
            "donet.on_field('Avatar.setXY', print) donet.on_field('Avatar.setXY', print)",
            "game.lua:1: donet.on_field: there is a hook for `Avatar.setXY` already",
        ),
        ("error('a\\nb\\27')", "game.lua:1: a\\nb\\u{1b}"),
        ("error({})", "game.lua:1: table"),
        ("error()", "game.lua:1: nil"),
        ("error(donet.DROP)", "game.lua:1: outcome"),
        (
            "return donet.DROP + 1",
            "game.lua:1: attempt to perform arithmetic on a outcome value (field 'DROP')",
        ),
        ("#!/usr/bin/lua\nerror('x')", "game.lua:2: x"),
        ("#", "nothing"),
        ("\u{feff}error('x')", "game.lua:1: x"),
    ];
    for (text, expected) in cases {
        if expected == "nothing" {
            stage(text);
            continue;
        }
        let found = fault(text);
        // The rest is an address.
        let found = found.split_once(": 0x").map_or(&*found, |(found, _)| found);
        assert_eq!(found, expected, "{text}");
    }
    let long = fault("error(string.rep('é', 10000), 0)");
    assert!(long.len() < 700 && long.ends_with('…'), "{long}");
}

#[test]
fn a_fault_knows_its_file_and_line() {
    let fault = load("\n\nerror('no')").err().expect("wrong");
    assert_eq!(fault.place, Some(("game.lua".to_owned(), 3)));
    assert_eq!(fault.text, "no");
    let source = Source::new("C:\\games\\my game.lua", "error('a: b')");
    let fault = Script::load(&source, &dc()).expect_err("wrong");
    assert_eq!(fault.place, Some(("C:\\games\\my game.lua".to_owned(), 1)));
    assert_eq!(fault.text, "a: b");
}

#[test]
fn a_library_that_complains_does_so_where_it_was_called() {
    let cases = [
        ("string.rep()", "bad argument #1 to 'rep' (string expected, got nil)"),
        ("string.rep('x', {})", "bad argument #2 to 'rep' (number expected, got table)"),
        ("table.insert({}, 5, 1)", "bad argument #2 to 'insert' (position out of bounds)"),
        ("table.insert(nil, 5)", "found nothing, expected a table"),
        ("string.pack('i99', 1)", "integral size (99) out of limits [1,16]"),
        ("local x = {} return x < 1", "attempt to compare table with number"),
        ("return ('x'):foo()", "attempt to call a nil value (method 'foo')"),
        ("return 1 // 0", "attempt to divide by zero"),
        ("setmetatable(1, {})", "bad argument #1 to 'setmetatable' (table expected, got number)"),
    ];
    for (lines, expected) in cases {
        assert_eq!(fault_in_call(lines), format!("game.lua:2: {expected}"), "{lines}");
    }
}

#[test]
fn a_wrong_argument_says_which_and_what_is_expected() {
    let cases = [
        (
            "donet.after(5, print)",
            "donet.after: argument 1: found 5, expected milliseconds, 10 to 4294967295",
        ),
        (
            "donet.after(1/0, print)",
            "donet.after: argument 1: found inf, expected milliseconds, 10 to 4294967295",
        ),
        ("donet.every(10)", "donet.every: argument 2: found nothing, expected a function"),
        ("donet.after(10, print, 1)", "donet.after: found 3 arguments, expected 2"),
        (
            "donet.cancel('x')",
            "donet.cancel: argument 1: found \"x\", expected what donet.after or donet.every has returned",
        ),
        (
            "donet.send(0, 'CLIENTAGENT_DROP')",
            "donet.send: argument 1: found 0, expected a channel, or a list of 1 to 255",
        ),
        (
            "donet.send({}, 'CLIENTAGENT_DROP')",
            "donet.send: argument 1: found a table, expected a channel, or a list of 1 to 255",
        ),
        (
            "donet.send(5, 'CLIENTAGENT_DORP')",
            "donet.send: message: there is no message `CLIENTAGENT_DORP`; did you mean `CLIENTAGENT_DROP`?",
        ),
        (
            "donet.send(5, 'CLIENT_HELLO_RESP')",
            "donet.send: CLIENT_HELLO_RESP is no message that is sent to channels",
        ),
        (
            "donet.send(1, 'CONTROL_ADD_CHANNEL', {channel = 5})",
            "donet.send: CONTROL_ADD_CHANNEL is no message that is sent to channels",
        ),
        (
            "donet.send(5, 'CLIENTAGENT_EJECT', {reason = 1, text = print})",
            "donet.send: a function cannot be part of a message",
        ),
        (
            "donet.send(5, 'CLIENTAGENT_EJECT', {reason = 1})",
            "donet.send: arguments.text: it is missing",
        ),
        ("donet.update(5, 'Avatar.setZ', 1)", "donet.update: class `Avatar` has no field `setZ`"),
        (
            "donet.update(-1, 'Avatar.setH', 1)",
            "donet.update: argument 1: found -1, expected a doId, 0 to 4294967295",
        ),
        ("donet.update(0, 'Avatar.setH', 1)", "donet.update: there is no object 0"),
        (
            "donet.activate(5, 6, 7, {setXY = 1}, 'Avatar')",
            "donet.activate: Avatar.setXY: found 1, expected a list of 2 values",
        ),
        (
            "donet.activate(5, 6, 7, {setXZ = 1}, 'Avatar')",
            "donet.activate: class `Avatar` has no field `setXZ`; did you mean `setXY`?",
        ),
        (
            "donet.activate(5, 6, 7, {}, 'Point')",
            "donet.activate: `Point` is a struct, which has no objects",
        ),
        ("donet.change(1)", "donet.change: only a hook of donet.on_field can change a value"),
        ("donet.on_move(print)", "donet.on_move: hooks can be set while the file is loaded only"),
        (
            "donet.on_field('Avatar.setH', print)",
            "donet.on_field: hooks can be set while the file is loaded only",
        ),
        (
            "donet.db_get(4003, 5, {'Avatar.x'}, print)",
            "donet.db_get: class `Avatar` has no field `x`",
        ),
        (
            "donet.db_get(4003, 5, {1}, print)",
            "donet.db_get: argument 3: found 1, expected a list of fields, such as \"Avatar.setXY\"",
        ),
        (
            "donet.db_get(4003, 5, nil)",
            "donet.db_get: argument 4: found nothing, expected a function",
        ),
        (
            "donet.db_set(4003, 5, {['Avatar.money'] = 'x'})",
            "donet.db_set: Avatar.money: found \"x\", expected a whole number, 0 to 4294967295",
        ),
        (
            "donet.db_set(4003, 5, {['Avatar.setName'] = 'a', ['Thing.setName'] = 'b'})",
            "is there twice",
        ),
        ("donet.event('x', {type = 1})", "donet.event: the key `type` is donet's own"),
        (
            "donet.event('x', {a = {}})",
            "donet.event: keys are strings, and values are strings, numbers or booleans",
        ),
        ("donet.log(nil)", "donet.log: argument 1: found nothing, expected a string"),
        (
            "client:eject('x')",
            "client:eject: argument 1: found \"x\", expected an ejection's code, 0 to 65535",
        ),
        ("client.eject(1)", "client:eject: call it with a colon: client:method(…)"),
        (
            "client:set_state('away')",
            "client:set_state: argument 1: found \"away\", expected \"new\", \"anonymous\" or \"established\"",
        ),
        ("client:send(5)", "client:send: argument 1: found 5, expected a string"),
        ("client:kick()", "a client has no `kick`"),
        ("client:add_chanel(5)", "a client has no `add_chanel`; did you mean `add_channel`?"),
        ("client.name = 'Bo'", "a client's own things cannot be set; client.vars is for yours"),
        (
            "client:add_interest(1, 2, {-1})",
            "client:add_interest: argument 3: found a table, expected a zone, or a list of zones",
        ),
    ];
    for (lines, expected) in cases {
        let fault = fault_in_call(lines);
        let is_same = match expected.starts_with("is ")
            || expected.contains("no `kick`")
            || expected.ends_with("`setZ`")
            || expected.ends_with("field `x`")
        {
            true => fault.contains(expected),
            false => fault == format!("game.lua:2: {expected}"),
        };
        assert!(is_same, "{lines}: {fault}");
    }
}
