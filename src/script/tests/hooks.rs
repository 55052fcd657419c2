use super::*;

#[test]
fn all_hooks_are_called_with_what_they_are_told() {
    let mut stage = stage(
        r#"
        local function show(...)
            local all = {...}
            for i, value in ipairs(all) do
                all[i] = type(value) == "table" and value.doid .. "/" .. value.class or tostring(value)
            end
            donet.log(table.concat(all, " "))
        end
        donet.on_connect(function(client) show(client, client.channel, client.address, client.state, client.gone) end)
        donet.on_hello(function(client, version, hash) show(version, hash) end)
        donet.on_message(function(client, message) show(message) return message == "take" end)
        donet.on_state(function(client, old, new) show(old, new, client.state) end)
        donet.on_create(function(client, object, parent, zone) show(object, parent, zone) end)
        donet.on_move(function(client, object, parent, zone) show(object, parent, zone) return donet.DROP end)
        donet.on_disconnect(function(client, reason) show(client.gone, reason) end)"#,
    );
    let all = Hooks {
        connect: true,
        hello: true,
        message: true,
        state: true,
        create: true,
        move_: true,
        disconnect: true,
    };
    assert_eq!(stage.script.hooks(), all);
    let class = stage.class("Avatar");
    let (do_id, location) = (DoId(5), HERE);
    assert_eq!(stage.call(Call::Connect), Ok(Verdict::Pass));
    let hello = Call::Hello { version: "v1", hash: 0xffff_ffff };
    assert_eq!(stage.call(hello), Ok(Verdict::Pass));
    assert_eq!(stage.call(Call::Message(b"leave")), Ok(Verdict::Pass));
    assert_eq!(stage.call(Call::Message(b"take")), Ok(Verdict::Taken));
    let state = Call::State { old: State::New, new: State::Established };
    let established = Client { state: State::Established, ..client(1) };
    assert_eq!(stage.script.call(NOW, &established, state), Ok(Verdict::Pass));
    assert_eq!(stage.call(Call::Create { do_id, class, location }), Ok(Verdict::Pass));
    assert_eq!(stage.call(Call::Move { do_id, class, location }), Ok(Verdict::Drop));
    assert_eq!(stage.call(Call::Disconnect { reason: "bye" }), Ok(Verdict::Pass));
    let expected = [
        "client 1000000007 1000000007 10.0.0.1:7000 new false",
        "v1 4294967295",
        "leave",
        "take",
        "new established established",
        "5/Avatar 100 7",
        "5/Avatar 100 7",
        "false bye",
    ];
    assert_eq!(stage.said(), expected);
}

#[test]
fn a_script_without_hooks_is_not_asked() {
    let mut stage = stage("donet.log('here')");
    assert_eq!(stage.script.hooks(), Hooks::default());
    assert_eq!(stage.script.fields().count(), 0);
    assert_eq!(stage.call(Call::Connect), Ok(Verdict::Pass));
    assert_eq!(stage.said(), ["here"]);
}

#[test]
fn hooks_for_fields_hold_where_rules_for_fields_do() {
    let stage = stage(
        "local function hook() end
        donet.on_field('Thing.setName', hook)
        donet.on_field('Avatar.setXY', hook)
        donet.on_field('Toon.setH', hook)",
    );
    let mut expected = Vec::new();
    for class in ["Thing", "Avatar", "Toon"] {
        expected.push((stage.class(class), stage.field(class, "setName")));
    }
    for class in ["Avatar", "Toon"] {
        expected.push((stage.class(class), stage.field(class, "setXY")));
    }
    // The one that Toon's setXYH still has.
    expected.push((stage.class("Toon"), stage.field("Avatar", "setXY")));
    expected.push((stage.class("Toon"), stage.field("Avatar", "setH")));
    expected.sort();
    assert_eq!(stage.script.fields().collect::<Vec<_>>(), expected);
    assert!(stage.script.hooks().state && !stage.script.hooks().connect);
}

#[test]
fn a_field_passes_is_dropped_or_changed() {
    let mut stage = stage(
        "donet.on_field('Avatar.setXY', function(client, object, x, y)
            donet.log(object.class .. ' ' .. object.doid .. ' ' .. x .. ' ' .. y)
            if x > 10 then return donet.DROP end
            if y > 10 then return donet.change(x, 10) end
        end)",
    );
    assert_eq!(stage.set("Avatar", "setXY", &[15, 0, 20, 0]), Ok(Verdict::Pass));
    assert_eq!(stage.set("Avatar", "setXY", &[101, 0, 20, 0]), Ok(Verdict::Drop));
    let changed = Verdict::Change(vec![15, 0, 100, 0]);
    assert_eq!(stage.set("Avatar", "setXY", &[15, 0, 101, 0]), Ok(changed));
    // Another declaration of the same name, in whole numbers.
    assert_eq!(stage.set("Toon", "setXY", &[9, 0, 9, 0]), Ok(Verdict::Pass));
    let expected = ["Avatar 5 1.5 2.0", "Avatar 5 10.1 2.0", "Avatar 5 1.5 10.1", "Toon 5 9 9"];
    assert_eq!(stage.said(), expected);
    // There is no hook for it.
    assert_eq!(stage.set("Avatar", "setH", &[0, 0]), Ok(Verdict::Pass));
}

#[test]
fn nothing_comes_of_what_an_ejected_client_has_sent() {
    let mut stage = stage(
        "donet.on_field('Avatar.setXY', function(client, object, x)
            if x > 1 then client:eject(7, 'no') else client:drop() end
            return donet.change(0, 0)
        end)
        donet.on_message(function(client) client:drop() end)
        donet.on_create(function(client) client:drop() end)",
    );
    assert_eq!(stage.set("Avatar", "setXY", &[15, 0, 20, 0]), Ok(Verdict::Drop));
    assert_eq!(stage.set("Avatar", "setXY", &[5, 0, 20, 0]), Ok(Verdict::Drop));
    assert_eq!(stage.call(Call::Message(b"x")), Ok(Verdict::Taken));
    let class = stage.class("Avatar");
    let create = Call::Create { do_id: DoId(5), class, location: HERE };
    assert_eq!(stage.call(create), Ok(Verdict::Drop));
    assert_eq!(stage.script.take_actions().len(), 4);
}

#[test]
fn another_client_that_is_ejected_changes_nothing() {
    let mut stage = stage(
        "local first
        donet.on_connect(function(client) first = first or client end)
        donet.on_create(function() first:eject(1) end)",
    );
    let class = stage.class("Avatar");
    let create = Call::Create { do_id: DoId(5), class, location: HERE };
    assert_eq!(stage.call(Call::Connect), Ok(Verdict::Pass));
    assert_eq!(stage.script.call(NOW, &client(2), create), Ok(Verdict::Pass));
}

#[test]
fn what_a_hook_returns_has_to_mean_something() {
    let mut stage = stage(
        "donet.on_message(function() return 1 end)
        local kept
        donet.on_field('Avatar.setXY', function()
            kept = kept or donet.change(1, 1)
            return kept
        end)
        donet.on_field('Avatar.setH', function() return kept end)
        donet.on_move(function() return false end)",
    );
    let text = |result: Result<Verdict, Fault>| result.expect_err("wrong").to_string();
    assert_eq!(
        text(stage.call(Call::Message(b""))),
        "game.lua:1: what donet.on_message returns: found 1, expected true, false or nothing"
    );
    let same = Ok(Verdict::Change(vec![10, 0, 10, 0]));
    assert_eq!(stage.set("Avatar", "setXY", &[0; 4]), same);
    assert!(text(stage.set("Avatar", "setXY", &[0; 4])).ends_with("has made in this call"));
    assert_eq!(
        text(stage.set("Avatar", "setH", &[0; 2])),
        "game.lua:7: what donet.on_field returns: found an outcome of a hook, expected nothing, donet.DROP or what donet.change has made in this call"
    );
    let class = stage.class("Avatar");
    let create = Call::Move { do_id: DoId(5), class, location: HERE };
    assert_eq!(
        text(stage.call(create)),
        "game.lua:8: what donet.on_move returns: found false, expected nothing or donet.DROP"
    );
}

#[test]
fn a_session_has_variables_until_it_has_ended() {
    let mut stage = stage(
        "local last
        donet.on_connect(function(client)
            client.vars.count = (client.vars.count or 0) + 1
            donet.log(client.vars.count .. ' ' .. tostring(last == client))
            last = client
        end)
        donet.on_disconnect(function(client) donet.log(tostring(client.gone)) end)
        donet.on_hello(function(client)
            donet.log(tostring(last.gone) .. ' ' .. tostring(last.state) .. ' ' .. tostring(last.vars.count))
            last.vars.count = 9
            last:eject(1, 'nothing comes of it')
            donet.log(last.channel .. ' ' .. tostring(last.vars.count))
        end)",
    );
    for key in [1, 1, 2] {
        assert_eq!(stage.script.call(NOW, &client(key), Call::Connect), Ok(Verdict::Pass));
    }
    assert_eq!(stage.said(), ["1 false", "2 true", "1 false"]);
    let gone = Call::Disconnect { reason: "" };
    assert_eq!(stage.script.call(NOW, &client(2), gone), Ok(Verdict::Pass));
    stage.script.forget(2);
    let hello = Call::Hello { version: "", hash: 0 };
    assert_eq!(stage.call(hello), Ok(Verdict::Pass));
    let actions = stage.script.take_actions();
    assert!(actions.iter().all(|action| matches!(action, Action::Log { .. })), "{actions:?}");
    assert_eq!(logged(actions), ["false", "true nil nil", "1000000007 nil"]);
}

#[test]
fn the_state_of_a_client_is_known_without_a_hook_for_it() {
    let mut stage = stage(
        "local known
        donet.on_connect(function(client) known = client end)
        donet.on_disconnect(function() donet.log(known.state) end)",
    );
    assert_eq!(stage.call(Call::Connect), Ok(Verdict::Pass));
    let state = Call::State { old: State::New, new: State::Anonymous };
    let anonymous = Client { state: State::Anonymous, ..client(1) };
    assert_eq!(stage.script.call(NOW, &anonymous, state), Ok(Verdict::Pass));
    assert_eq!(
        stage.script.call(NOW, &client(2), Call::Disconnect { reason: "" }),
        Ok(Verdict::Pass)
    );
    assert_eq!(stage.said(), ["anonymous"]);
}
