"""The example for games of the OTP era, as it is shipped: accounts, frogs, and what can go wrong with them."""

import signal
import subprocess
import time
from collections.abc import Callable

import pytest

from harness.otp import Example, OtpClient, numbers
from harness.process import LIMIT, Process

pytestmark = pytest.mark.better_than_astron


class Millpond(Example):
    """The example with all its programs running."""

    def start(self) -> "Millpond":
        self.daemon = self.start_daemon()
        self.start_servers()
        # Those that looked whether it listens.
        self.lost_at_start = self.daemon.log.read_text().count(": client lost")
        return self

    def start_servers(self) -> None:
        self.uberdog, self.ai = self.start_uberdog(), self.start_ai()

    def meet(self, name: str) -> OtpClient:
        """A new player with a frog of this name, among the lilies."""
        client = self.start_client(name)
        client.account = client.register(name)
        client.choose(client.create_avatar(name))
        self.go_in(client)
        return client

    def return_of(self, name: str) -> OtpClient:
        client = self.start_client(name)
        client.account = client.log_in(name)
        return client

    def go_in(self, client: OtpClient) -> None:
        client.open(numbers.ROOT, numbers.PONDS_ZONE)
        client.call("relocate", client.avatar, numbers.POND, numbers.LILIES)
        client.open(numbers.POND, numbers.LILIES)

    def stored(self, name: str) -> int:
        """How many objects of this class the database has."""
        command = [self.stage.binary, "db", "list", "otp.yml", name]
        done = subprocess.run(
            command, cwd=self.directory, capture_output=True, text=True, timeout=LIMIT
        )
        assert done.returncode == 0, done.stderr
        return sum(f" {name}" in line for line in done.stdout.splitlines())

    def lost(self) -> int:
        """How many clients have gone without a word."""
        text = self.daemon.log.read_text()
        return text.count(": client lost") - self.lost_at_start


def hold(process: Process) -> None:
    process.popen.send_signal(signal.SIGSTOP)


def go_on(process: Process) -> None:
    process.popen.send_signal(signal.SIGCONT)


def wait_until(condition: Callable, wanted: str) -> None:
    deadline = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < deadline, wanted
        time.sleep(0.02)


@pytest.fixture
def files(stage):
    """The files, before anything has been started."""
    return Millpond(stage)


@pytest.fixture
def pond(files):
    files.start()
    yield files
    # What happens in the programs unseen is told in their logs.
    for process in files.stage.processes:
        assert "Traceback" not in process.log.read_text(), process.name


def test_the_programs_play(pond):
    """Those that a reader starts, from the first to the last line."""
    def play(name: str, *arguments: str):
        return pond.start_program(name, "otp_client.py", name, "secret", *arguments)

    ann = play("Ann", "--register", "--frog", "Ribbit")
    ann.wait_for_line("frogs: none")
    ann.wait_for_line("you are Ribbit at 0, 0")
    ann.wait_for_line("you look around")
    bob = play("Bob", "--register", "--frog", "Quak")
    ann.wait_for_line("Quak is here")
    bob.wait_for_line("Ribbit is here")
    ann.tell("hop 50 0")  # which the AI does not allow
    ann.tell("hop 1 2.5")
    for player in (ann, bob):
        player.wait_for_line("Ribbit is at 1, 2.5")
        assert not any("at 50" in line for line in player.lines)
    bob.tell("croak good morning")
    ann.wait_for_line("Quak: good morning")
    bob.tell("reeds")
    ann.wait_for_line("Quak is gone")
    bob.wait_for_line("Ribbit is gone")
    bob.tell("lilies")
    ann.until(lambda: ann.lines.count("Quak is here") == 2, "see Quak again")
    ann.end_expected = True
    ann.tell("bye")
    bob.until(lambda: bob.lines.count("Ribbit is gone") == 2, "see Ribbit go")
    ann.wait_for_end()
    # Where it was it is again.
    again = pond.start_program("Ann again", "otp_client.py", "Ann", "secret", "--frog", "Ribbit")
    again.wait_for_line("frogs: Ribbit")
    again.wait_for_line("you are Ribbit at 1, 2.5")


def test_names_and_passwords(pond):
    ann = pond.start_client("ann")
    account = ann.register("Ann", "secret")
    eve = pond.start_client("eve")
    assert eve.ask("log_in", "Ann", "guess") == numbers.WRONG
    assert eve.ask("log_in", "Eve", "secret") == numbers.WRONG
    assert eve.ask("log_in", "Ann", "") == numbers.WRONG
    # A name that only looks different is the same.
    for name in ("Ann", "ANN", "\uff21nn"):
        assert eve.ask("register", name, "mine") == numbers.TAKEN
    for name in ("", " Eve", "E" * 21, "Eve\n"):
        assert eve.ask("register", name, "mine") == numbers.BAD_NAME
    assert eve.ask("register", "Eve", "") == numbers.BAD_NAME
    assert eve.ask("register", "Eve", "m" * 101) == numbers.BAD_NAME
    assert eve.log_in("aNN", "secret") == account
    ann.wait_for_eject(numbers.LOGGED_IN_ELSEWHERE)
    assert pond.stored("Account") == 1
    # Neither the log nor the file has a password.
    for file in ("otp.sqlite", pond.daemon.log.name, pond.uberdog.log.name):
        assert b"secret" not in (pond.directory / file).read_bytes()


def test_what_clients_may_not_say(pond):
    ann = pond.start_client("ann")
    ann.register("Ann")
    attempts = {
        "early": [numbers.GET_AVATARS, "", []],
        "short": [numbers.LOGIN, "s", ["Ann"]],
        "long": [numbers.LOGIN, "ssB", ["Ann", "guest", 1]],
        "lying": [numbers.LOGIN, "BB", [255, 255]],
    }
    for name, said in attempts.items():
        client = pond.start_client(name)
        client.wait("connected")
        client.call("say_numbers", *said)
        client.wait_for_eject(numbers.NOT_NOW)
    # They have bothered nobody else.
    assert ann.avatars() == []
    ann.call("log_in", "Ann", "guest")
    ann.wait_for_eject(numbers.NOT_NOW)


def test_frogs_are_made_and_chosen(pond):
    ann, bob = pond.start_client("ann"), pond.meet("bob")
    ann.register("Ann")
    assert ann.avatars() == []
    ribbit, quak = ann.create_avatar("Ribbit", 3), ann.create_avatar("Quak", 7)
    frogs = [[ribbit, "Ribbit", 3], [quak, "Quak", 7]]
    assert ann.avatars() == frogs
    for name, colour in (("", 1), ("R" * 21, 1), ("Red", 8)):
        last = ann.reports[-1]
        ann.call("create_avatar", name, colour)
        ann.wait("avatar created", after=last, code=numbers.BAD_NAME)
    # As long as can be, in letters and in bytes.
    frogs.append([ann.create_avatar("\N{FROG FACE}" * 20, 0), "\N{FROG FACE}" * 20, 0])
    assert ann.avatars() == frogs
    # Somebody else's, and one that is none.
    for avatar in (bob.avatar, bob.account, 1):
        last = ann.reports[-1]
        ann.call("set_avatar", avatar)
        ann.wait("avatar refused", after=last, code=numbers.WRONG)
    ann.choose(quak)
    assert ann.owned[quak]["fields"] == {"setName": ["Quak"], "setColour": [7], "setXY": [0, 0]}
    pond.go_in(ann)
    bob.wait_to_see(quak)
    assert bob.visible[quak]["fields"] == ann.owned[quak]["fields"]
    ann.call("send", quak, "hop", [1, -1])
    bob.wait_for_field(quak, "setXY", [1, -1])
    # Who plays has chosen.
    ann.call("get_avatars")
    ann.wait_for_eject(numbers.NOT_NOW)
    bob.wait_to_lose(quak)
    again = pond.return_of("Ann")
    assert again.avatars() == frogs
    again.choose(quak)
    assert again.owned[quak]["fields"]["setXY"] == [1, -1]


def test_an_account_has_so_many_frogs(pond):
    ann = pond.start_client("ann")
    ann.register("Ann")
    frogs = [ann.create_avatar(f"Frog {number}") for number in range(6)]
    ann.call("create_avatar", "One more", 0)
    ann.wait("avatar created", code=numbers.TOO_MANY)
    assert [frog for frog, _, _ in ann.avatars()] == frogs
    assert pond.stored("Frog") == 6


def test_a_second_log_in_puts_out_the_first(pond):
    bob = pond.meet("bob")
    ann = pond.meet("ann")
    bob.wait_to_see(ann.avatar)
    again = pond.return_of("ann")
    assert again.account == ann.account
    ann.wait_for_eject(numbers.LOGGED_IN_ELSEWHERE)
    bob.wait_to_lose(ann.avatar)
    again.choose(ann.avatar)
    pond.go_in(again)
    bob.wait_to_see(ann.avatar)
    # And one that has not chosen yet.
    third = pond.return_of("ann")
    again.wait_for_eject(numbers.LOGGED_IN_ELSEWHERE)
    fourth = pond.return_of("ann")
    third.wait_for_eject(numbers.LOGGED_IN_ELSEWHERE)
    assert fourth.avatars() == [[ann.avatar, "ann", 0]]


def test_one_account_from_two_places_at_once(pond):
    """One of them is put out, whichever that is."""
    pond.meet("ann").call("take_leave")
    both = [pond.start_client(name) for name in ("here", "there")]
    for client in both:
        client.wait("connected")
    hold(pond.uberdog)
    for client in both:
        client.call("log_in", "ann", "guest")
    go_on(pond.uberdog)
    wait_until(lambda: any(client.find("connection lost") for client in both), "one is put out")
    out, stays = sorted(both, key=lambda client: client.find("connection lost") is None)
    out.wait_for_eject(numbers.LOGGED_IN_ELSEWHERE)
    stays.wait("login", code=numbers.OK)
    assert len(stays.avatars()) == 1


def test_one_name_for_several_at_once(pond):
    clients = [pond.start_client(f"client{number}") for number in range(4)]
    for client in clients:
        client.wait("connected")
    # All are heard in one frame of the UberDOG, so that each is asked for before any is made.
    hold(pond.uberdog)
    for number, client in enumerate(clients):
        client.call("register", "Ann", f"password {number}")
    go_on(pond.uberdog)
    codes = [client.wait("login")["code"] for client in clients]
    assert sorted(codes) == [numbers.OK, *3 * [numbers.TAKEN]]
    winner = codes.index(numbers.OK)
    account = clients[winner].wait("login")["account"]
    for number, client in enumerate(clients):
        if number != winner:
            assert client.ask("log_in", "Ann", f"password {number}") == numbers.WRONG
    again = pond.start_client("again")
    assert again.log_in("Ann", f"password {winner}") == account
    wait_until(lambda: pond.stored("Account") == 1, "the others' accounts are deleted")


def test_everything_is_killed(pond):
    ann = pond.meet("ann")
    ann.call("send", ann.avatar, "hop", [2, 3])
    ann.wait_for_field(ann.avatar, "setXY", [2, 3], view="owner")
    ann.call("take_leave")
    ann.wait("connection lost")
    # What is read has been written: so the kill comes after it.
    again = pond.return_of("ann")
    again.choose(ann.avatar)
    assert again.owned[ann.avatar]["fields"]["setXY"] == [2, 3]
    for process in (pond.daemon, pond.uberdog, pond.ai, again):
        process.end_expected = True
        process.popen.kill()
    for process in (pond.daemon, pond.uberdog, pond.ai, again):
        process.wait_for_end()

    pond.start()
    bob = pond.start_client("bob")
    assert bob.ask("log_in", "ann", "guess") == numbers.WRONG
    assert bob.ask("register", "Ann", "guess") == numbers.TAKEN
    once_more = pond.return_of("ann")
    assert once_more.account == ann.account
    assert once_more.avatars() == [[ann.avatar, "ann", 0]]
    once_more.choose(ann.avatar)
    assert once_more.owned[ann.avatar]["fields"]["setXY"] == [2, 3]
    assert pond.meet("cid").account not in (ann.account, ann.avatar)


def test_the_uberdog_alone_is_killed(pond):
    """Who has logged in stays, and is known to the next one."""
    ann, bob = pond.meet("ann"), pond.start_client("bob")
    bob.register("Bob")
    pond.uberdog.kill()
    pond.uberdog = pond.start_uberdog()
    frog = bob.create_avatar("Quak")
    bob.choose(frog)
    pond.go_in(bob)
    ann.wait_to_see(frog)
    again = pond.return_of("ann")
    ann.wait_for_eject(numbers.LOGGED_IN_ELSEWHERE)
    assert again.avatars() == [[ann.avatar, "ann", 0]]


def test_a_database_that_does_not_answer(files):
    pond = files
    pond.give_database_away()
    pond.daemon = pond.start_daemon()
    database = pond.start_process("database", [pond.stage.binary, "database.yml"])
    pond.start_servers()
    ann, bob, cid = pond.meet("ann"), pond.meet("bob"), pond.start_client("cid")
    cid.register("cid")

    hold(database)
    eve, again = pond.start_client("eve"), pond.start_client("again")
    for client in (eve, again):
        client.wait("connected")
    eve.call("register", "eve", "guest")
    again.call("log_in", "ann", "guest")
    cid.call("get_avatars")
    for client, kind in ((eve, "login"), (again, "login"), (cid, "avatars")):
        assert client.wait(kind)["code"] == numbers.TRY_LATER
    # The others play on meanwhile, and nobody has been put out.
    ann.call("send", ann.avatar, "croak", ["hello"])
    bob.wait("field", do=ann.avatar, name="croak", values=["hello"])
    go_on(database)

    # What eve has begun is finished, though she was told to try again: or she can register now.
    def is_in() -> bool:
        if eve.ask("register", "eve", "guest") == numbers.OK:
            return True
        return eve.ask("log_in", "eve", "guest") == numbers.OK

    wait_until(is_in, "eve is let in")
    assert again.ask("log_in", "ann", "guest") == numbers.OK
    ann.wait_for_eject(numbers.LOGGED_IN_ELSEWHERE)
    assert cid.avatars() == []
    for process in (pond.uberdog, pond.ai):
        assert "Traceback" not in process.log.read_text()


def test_a_database_that_comes_late(files):
    pond = files
    pond.give_database_away()
    pond.daemon = pond.start_daemon()
    uberdog = pond.start_program("gatekeeper", "otp_uberdog.py")
    uberdog.wait_for_line("the database does not answer")
    pond.start_process("database", [pond.stage.binary, "database.yml"])
    uberdog.wait_for_line("the gatekeeper is ready")
    pond.start_ai()
    pond.meet("ann")
    assert "Traceback" not in uberdog.log.read_text()


def test_a_client_that_vanishes_before_it_is_let_in(pond):
    eve, bob = pond.start_client("eve"), pond.meet("bob")
    eve.wait("connected")
    hold(pond.uberdog)
    eve.call("register", "eve", "guest")
    eve.kill()
    wait_until(lambda: pond.lost() == 1, "its end is noticed")
    go_on(pond.uberdog)
    # It has an account, and nothing else is left of it.
    pond.uberdog.until(lambda: sum("is here" in line for line in pond.uberdog.lines) == 2, "serve it")
    again = pond.return_of("eve")
    assert again.avatars() == []
    again.choose(again.create_avatar("Quak"))
    pond.go_in(again)
    bob.wait_to_see(again.avatar)


def test_a_client_that_vanishes_before_its_frog_comes(pond):
    eve, bob = pond.start_client("eve"), pond.meet("bob")
    eve.register("eve")
    frog = eve.create_avatar("Quak")
    hold(pond.ai)
    eve.call("set_avatar", frog)
    pond.uberdog.until(lambda: any(f"plays {frog}" in line for line in pond.uberdog.lines), "let it")
    eve.kill()
    wait_until(lambda: pond.lost() == 1, "its end is noticed")
    go_on(pond.ai)
    pond.ai.wait_for_line("Quak comes")
    pond.ai.wait_for_line("Quak goes")
    again = pond.return_of("eve")
    again.choose(frog)
    pond.go_in(again)
    bob.wait_to_see(frog)


def test_a_frog_that_does_not_come(files):
    pond = files
    pond.give_database_away()
    pond.daemon = pond.start_daemon()
    database = pond.start_process("database", [pond.stage.binary, "database.yml"])
    pond.start_servers()
    ann = pond.start_client("ann")
    ann.register("ann")
    frog = ann.create_avatar("Quak")
    # The choice is right, and then nothing is heard of the database.
    hold(pond.ai)
    ann.call("set_avatar", frog)
    pond.uberdog.until(lambda: any(f"plays {frog}" in line for line in pond.uberdog.lines), "let it")
    hold(database)
    go_on(pond.ai)
    ann.wait_for_eject(numbers.NOT_NOW)
    go_on(database)
    # Too late: it comes, and is sent away.
    pond.ai.wait_for_line("Quak goes")
    again = pond.return_of("ann")
    again.choose(frog)
    for process in (pond.uberdog, pond.ai):
        assert "Traceback" not in process.log.read_text()


def test_servers_whose_link_is_lost_end(pond):
    for server in (pond.uberdog, pond.ai):
        server.end_expected = True
    pond.daemon.kill()
    for server in (pond.uberdog, pond.ai):
        assert server.wait_for_end() == 1
        assert server.log.read_text().endswith("the link is lost\n")
