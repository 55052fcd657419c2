use super::*;
use crate::ids::Context;
use crate::message::{Database, FieldValues, List, Rest};

const DATABASE: u64 = 4_003;

/// The question that a line asks, and the time that its answer may take.
fn question(stage: &mut Stage) -> (Vec<u8>, TimerId) {
    let actions = stage.script.take_actions();
    let [Action::After { id, delay }, Action::Send { to, sender, payload }] = &actions[..] else {
        panic!("{actions:?}")
    };
    assert_eq!(
        (*delay, &to[..], *sender),
        (Duration::from_secs(30), &[Channel(DATABASE)][..], OWN)
    );
    (payload.clone(), *id)
}

/// A hook that asks, and logs what the callback is told.
fn asking(line: &str) -> Stage {
    stage(&format!(
        "local function show(value)
            if type(value) ~= 'table' then return tostring(value) end
            local all = {{}}
            for key, value in pairs(value) do all[#all + 1] = tostring(key) .. '=' .. show(value) end
            table.sort(all)
            return '{{' .. table.concat(all, ' ') .. '}}'
        end
        local function answer(...)
            local all = table.pack(...)
            for i = 1, all.n do all[i] = show(all[i]) end
            donet.log(table.concat(all, ' '))
        end
        donet.on_connect(function() {line} end)"
    ))
}

/// Asks, is answered, and says what the callback was told.
fn answered<'a>(
    line: &str,
    ask: impl FnOnce(&Stage, Context) -> Vec<u8>,
    answer: impl FnOnce(&Stage, Context) -> Database<'a>,
) -> String {
    let mut stage = asking(line);
    assert_eq!(stage.call(Call::Connect), Ok(Verdict::Pass));
    let (asked, timer) = question(&mut stage);
    // The timer has the next number.
    let context = Context(1);
    assert_eq!(asked, ask(&stage, context), "{line}");
    let answer = answer(&stage, context);
    assert_eq!(stage.script.answer(NOW, &answer), Ok(()));
    let actions = stage.script.take_actions();
    assert_eq!(actions.first(), Some(&Action::Cancel(timer)));
    // Nobody waits any more.
    assert_eq!(stage.script.answer(NOW, &answer), Ok(()));
    assert_eq!(stage.script.timer(NOW, timer), Ok(()));
    assert_eq!(stage.script.take_actions(), []);
    logged(actions).join("|")
}

/// Fields with their values.
fn values(stage: &Stage, all: &[(&str, &str, &[u8])]) -> Vec<u8> {
    let one = |(class, field, value): &(&str, &str, &[u8])| {
        [&stage.field(class, field).0.to_le_bytes()[..], value].concat()
    };
    all.iter().flat_map(one).collect()
}

const STORED: [(&str, &str, &[u8]); 3] = [
    ("Avatar", "setName", b"\x02\0Bo"),
    ("Avatar", "setXY", &[15, 0, 20, 0]),
    ("Avatar", "money", &[7, 0, 0, 0]),
];

#[test]
fn whole_objects_and_some_of_their_fields_are_read() {
    let do_id = DoId(5);
    let leak = |bytes: Vec<u8>| -> &'static [u8] { bytes.leak() };
    let all = answered(
        "donet.db_get(4003, 5, nil, answer)",
        |_, context| payload(&Database::ObjectGetAll { context, do_id }),
        |stage, context| {
            let fields = FieldValues { count: 3, bytes: leak(values(stage, &STORED)) };
            Database::ObjectGetAllResp { context, object: Some((stage.class("Avatar"), fields)) }
        },
    );
    assert_eq!(all, "{class=Avatar money=7 setName=Bo setXY={1=1.5 2=2.0}}");
    let some = answered(
        "donet.db_get(4003, 5, {'Avatar.money', 'Avatar.setXY'}, answer)",
        |stage, context| {
            let fields = [stage.field("Avatar", "money"), stage.field("Avatar", "setXY")];
            payload(&Database::ObjectGetFields { context, do_id, fields: List::new(&fields) })
        },
        |stage, context| {
            let fields = FieldValues { count: 1, bytes: leak(values(stage, &STORED[2..])) };
            Database::ObjectGetFieldsResp { context, values: Some(fields) }
        },
    );
    assert_eq!(some, "{money=7}");
    let none = answered(
        "donet.db_get(4003, 5, nil, answer)",
        |_, context| payload(&Database::ObjectGetAll { context, do_id }),
        |_, context| Database::ObjectGetAllResp { context, object: None },
    );
    assert_eq!(none, "nil");
}

#[test]
fn a_field_is_set_if_it_has_the_value_that_is_expected() {
    let do_id = DoId(5);
    let values = [7, 0, 0, 0, 8, 0, 0, 0];
    let done = answered(
        "donet.db_set_if_equals(4003, 5, 'Avatar.money', 7, 8, answer)",
        |stage, context| {
            let field = stage.field("Avatar", "money");
            let values = Rest(&values);
            payload(&Database::ObjectSetFieldIfEquals { context, do_id, field, values })
        },
        |_, context| Database::ObjectSetFieldIfEqualsResp {
            context,
            done: true,
            current: Rest(&[]),
        },
    );
    assert_eq!(done, "true nil");
    let refused = answered(
        "donet.db_set_if_equals(4003, 5, 'Avatar.setXY', nil, {1, 2}, answer)",
        |stage, context| {
            let field = stage.field("Avatar", "setXY");
            let value = Rest(&[10, 0, 20, 0]);
            payload(&Database::ObjectSetFieldIfEmpty { context, do_id, field, value })
        },
        |stage, context| {
            let current = self::values(stage, &STORED[1..2]).leak();
            let current = Rest(current);
            Database::ObjectSetFieldIfEmptyResp { context, done: false, current }
        },
    );
    assert_eq!(refused, "false {1=1.5 2=2.0}");
}

#[test]
fn objects_are_created_and_deleted() {
    let created = answered(
        "donet.db_create(4003, 'Avatar', {money = 7, setName = 'Bo'}, answer)",
        |stage, context| {
            let bytes = values(stage, &[STORED[0], STORED[2]]);
            let fields = FieldValues { count: 2, bytes: &bytes };
            let class_id = stage.class("Avatar");
            payload(&Database::CreateObject { context, class_id, fields })
        },
        |_, context| Database::CreateObjectResp { context, do_id: DoId(1_000) },
    );
    assert_eq!(created, "1000");
    let mut stage = asking("donet.db_delete(4003, 5)");
    assert_eq!(stage.call(Call::Connect), Ok(Verdict::Pass));
    let payload = payload(&Database::ObjectDelete { do_id: DoId(5) });
    let expected = Action::Send { to: vec![Channel(DATABASE)], sender: OWN, payload };
    assert_eq!(stage.script.take_actions(), [expected]);
}

#[test]
fn fields_are_set_together() {
    let sent = |line: &str| match actions(line).remove(0) {
        Action::Send { payload, .. } => payload,
        other => panic!("{other:?}"),
    };
    let stage = stage("");
    let do_id = DoId(5);
    let field = stage.field("Avatar", "money");
    let value = Rest(&[7, 0, 0, 0]);
    let one = payload(&Database::ObjectSetField { do_id, field, value });
    assert_eq!(sent("donet.db_set(4003, 5, {['Avatar.money'] = 7})"), one);
    let bytes = values(&stage, &STORED);
    let fields = FieldValues { count: 3, bytes: &bytes };
    let all = payload(&Database::ObjectSetFields { do_id, fields });
    let line = "donet.db_set(4003, 5, {['Avatar.money'] = 7, ['Avatar.setName'] = 'Bo', ['Avatar.setXY'] = {1.5, 2}})";
    assert_eq!(sent(line), all);
}

#[test]
fn who_is_not_answered_hears_nothing_in_the_end() {
    let mut stage = asking("donet.db_get(4003, 5, nil, answer)");
    assert_eq!(stage.call(Call::Connect), Ok(Verdict::Pass));
    let (_, timer) = question(&mut stage);
    assert_eq!(stage.script.timer(NOW, timer), Ok(()));
    assert_eq!(stage.said(), ["nil"]);
    let late = Database::ObjectGetAllResp { context: Context(1), object: None };
    assert_eq!(stage.script.answer(NOW, &late), Ok(()));
    assert_eq!(stage.script.take_actions(), []);
}

#[test]
fn only_so_many_questions_are_open() {
    let mut stage = asking("for _ = 1, 500 do donet.db_get(4003, 5, nil, answer) end");
    for _ in 0..20 {
        assert_eq!(stage.call(Call::Connect), Ok(Verdict::Pass));
    }
    let fault = stage.call(Call::Connect).expect_err("too many").to_string();
    assert!(
        fault.ends_with("donet.db_get: 10000 questions to databases are open already"),
        "{fault}"
    );
    // Timers are counted by themselves.
    assert_eq!(stage.script.take_actions().len(), 20_000);
}

#[test]
fn an_answer_that_nobody_asked_for_is_no_matter() {
    let mut stage = asking("");
    for message in [
        Database::CreateObjectResp { context: Context(9), do_id: DoId(1) },
        Database::ObjectDelete { do_id: DoId(1) },
    ] {
        assert_eq!(stage.script.answer(NOW, &message), Ok(()));
    }
    assert_eq!(stage.script.take_actions(), []);
}
