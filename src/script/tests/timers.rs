use super::*;

/// The timers that were started, with their delays.
fn started(actions: &[Action]) -> Vec<(TimerId, u64)> {
    let one = |action: &Action| match action {
        Action::After { id, delay } => Some((*id, delay.as_millis() as u64)),
        _ => None,
    };
    actions.iter().filter_map(one).collect()
}

#[test]
fn a_timer_is_called_once_or_again_and_again() {
    let mut stage = stage(
        "donet.after(10, function(...) donet.log('once ' .. select('#', ...)) end)
        donet.every(250.5, function() donet.log('again ' .. donet.now()) end)",
    );
    let timers = started(&stage.script.take_actions());
    let [(once, 10), (again, 251)] = timers[..] else { panic!("{timers:?}") };
    for _ in 0..2 {
        assert_eq!(stage.script.timer(NOW, once), Ok(()));
    }
    assert_eq!(stage.said(), ["once 0"]);
    for _ in 0..2 {
        assert_eq!(stage.script.timer(NOW, again), Ok(()));
        let actions = stage.script.take_actions();
        assert_eq!(started(&actions), [(again, 251)]);
        assert_eq!(logged(actions), ["again 1500"]);
    }
}

#[test]
fn a_timer_that_was_cancelled_is_not_called() {
    let mut stage = stage(
        "local id = donet.after(10, function() donet.log('never') end)
        local other
        other = donet.every(10, function() donet.log('once') donet.cancel(other) end)
        donet.on_connect(function()
            donet.cancel(id) donet.cancel(id) donet.cancel(12345)
            local short = donet.after(10, function() donet.log('never') end)
            donet.cancel(short)
        end)",
    );
    let timers = started(&stage.script.take_actions());
    let [(id, _), (other, _)] = timers[..] else { panic!("{timers:?}") };
    assert_eq!(stage.call(Call::Connect), Ok(Verdict::Pass));
    let actions = stage.script.take_actions();
    let [Action::Cancel(first), Action::After { id: short, .. }, Action::Cancel(second)] =
        actions[..]
    else {
        panic!("{actions:?}")
    };
    assert_eq!((first, second), (id, short));
    for timer in [id, short, other, other] {
        assert_eq!(stage.script.timer(NOW, timer), Ok(()));
    }
    let actions = stage.script.take_actions();
    assert_eq!(actions.last(), Some(&Action::Cancel(other)));
    assert_eq!(logged(actions), ["once"]);
}

#[test]
fn a_timer_that_cannot_be_cancelled_goes_on() {
    let mut stage = stage(
        "local id = donet.after(10, function() donet.log('still') end)
        donet.on_connect(function()
            for _ = 1, 1024 do donet.log('x') end
            pcall(donet.cancel, id)
        end)",
    );
    let (id, _) = started(&stage.script.take_actions())[0];
    assert_eq!(stage.call(Call::Connect), Ok(Verdict::Pass));
    assert_eq!(stage.script.take_actions().len(), 1_024);
    assert_eq!(stage.script.timer(NOW, id), Ok(()));
    assert_eq!(stage.said(), ["still"]);
}

#[test]
fn a_timer_that_fails_is_called_again() {
    let mut stage = stage("donet.every(10, function() error('no') end)");
    let timers = started(&stage.script.take_actions());
    let (id, _) = timers[0];
    for _ in 0..2 {
        let fault = stage.script.timer(NOW, id).expect_err("it fails").to_string();
        assert_eq!(fault, "game.lua:1: no");
        assert_eq!(started(&stage.script.take_actions()), [(id, 10)]);
    }
}

#[test]
fn only_so_many_timers_run() {
    let mut stage = stage(
        "for _ = 1, 1000 do donet.after(10, print) end
        donet.on_connect(function() for _ = 1, 1000 do donet.after(10, print) end end)
        donet.on_hello(function() donet.after(10, print) end)",
    );
    let mut all = started(&stage.script.take_actions());
    for _ in 0..9 {
        assert_eq!(stage.call(Call::Connect), Ok(Verdict::Pass));
        all.extend(started(&stage.script.take_actions()));
    }
    let hello = Call::Hello { version: "", hash: 0 };
    let fault = stage.call(hello).expect_err("too many").to_string();
    assert_eq!(fault, "game.lua:3: donet.after: 10000 timers run already");
    assert_eq!(stage.script.timer(NOW, all[0].0), Ok(()));
    assert_eq!(stage.call(hello), Ok(Verdict::Pass));
}

#[test]
fn the_same_moment_brings_the_same_numbers() {
    let lines = "
        local all = {}
        for i = 1, 5 do all[i] = math.random(1000) end
        donet.log(table.concat(all, ' '))";
    let numbers = said(lines);
    assert_eq!(said(lines), numbers);
    let mut stage = stage(&format!("donet.on_connect(function()\n{lines}\nend)"));
    let other = Moment { random: 43, ..NOW };
    for moment in [NOW, other, NOW] {
        assert_eq!(stage.script.call(moment, &client(1), Call::Connect), Ok(Verdict::Pass));
    }
    let all = stage.said();
    assert_eq!((&all[0], &all[2]), (&numbers[0], &numbers[0]));
    assert_ne!(all[1], all[0]);
}

#[test]
fn random_numbers_are_where_they_are_asked_for() {
    said(
        "local seen = {}
        for _ = 1, 200 do
            local x = math.random()
            assert(x >= 0 and x < 1)
            seen[math.random(3)] = true
            local y = donet.random(-2, 2)
            assert(y >= -2 and y <= 2 and math.type(y) == 'integer')
        end
        assert(#seen == 3)
        assert(math.type(math.random(0)) == 'integer')
        assert(math.random(5, 5) == 5)
        local low, high = math.mininteger, math.maxinteger
        assert(math.type(math.random(low, high)) == 'integer')",
    );
    let fault = fault_in_call("math.random(2, 1)");
    assert_eq!(fault, "game.lua:2: donet.random: there is no number from 2 to 1");
}
