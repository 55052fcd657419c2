// The demo's page: what happens when, in this order.
//
// This is the example of a client in JavaScript. `world.js` beside it talks to donet, `scene.js` draws, and this file has one do what
// the other says. /donet.js is the client library, which comes with donet and is meant to be copied: docs/client/README.md.

import { Scene } from './scene.js';
import { Hud } from './hud.js';
import { Messages } from './messages.js';
import { Routed } from './routed.js';
import { Controls } from './controls.js';
import { Screens } from './screens.js';
import { World } from './world.js';
import { show } from './state.js';

/** The ticket is the player: a tab that is loaded again comes back with it, and a new tab has none. */
const tickets = {
  get: () => sessionStorage.getItem('ticket'),
  keep: (/** @type {string} */ ticket) => sessionStorage.setItem('ticket', ticket),
  forget: () => ['ticket', 'entered'].forEach((name) => sessionStorage.removeItem(name)),
};

// 1. What the world is: its DC file as JSON, its version, and the numbers that both sides have agreed on.
const facts = await (await fetch('/world.json')).json();
// `/?version=old` has the server turn us away, so that one can see how that looks.
const version = new URLSearchParams(location.search).get('version') === 'old' ? 'demo 0' : facts.version;

// 2. The connection. It says hello at once, and tries again when it is lost.
const world = new World(facts, version);
const scene = new Scene(document.querySelector('#scene'), world);
const messages = new Messages(document.querySelector('#messages'), facts.console);
const routed = new Routed((message) => messages.routed(message), facts);
const screens = new Screens(document.querySelector('#screen'), facts);
const hud = new Hud(world, scene);
const controls = new Controls(document.querySelector('#scene'), scene);
world.overhear((message) => messages.spoken(message));
show(world, screens);
scene.preview();

// 3. The hello was answered: version and DC file are the server's. Now we say who we are, to the UberDOG at the gate.
world.listen('ready', () => {
  const ticket = tickets.get();
  if (ticket) world.comeBack(ticket);
  else screens.entrance();
});
screens.listen('guest', ({ name, colour }) => world.guest(name, colour));
screens.listen('register', ({ name, password, colour }) => world.register(name, password, colour));
screens.listen('log-in', ({ name, password }) => world.logIn(name, password));

// 4. The UberDOG lets us in, or does not.
world.listen('welcome', ({ ticket }) => {
  tickets.keep(ticket);
  routed.open(ticket);
});
world.listen('refused', (why) => {
  tickets.forget();
  screens.entrance(why);
});

// 5. We own an avatar, but it is nowhere yet: nobody sees it before it enters a District. One that was here before goes back by itself.
world.listen('lobby', () => {
  if (sessionStorage.getItem('entered')) world.enter(0);
  else screens.choice(world.districts);
});
world.listen('population', () => screens.population(world.districts));
screens.listen('district', (doId) => {
  sessionStorage.setItem('entered', 'yes');
  world.enter(doId);
});

// 6. The avatar is somewhere: in a District, or in a Cave. Interests follow it; world.js opens and closes them.
world.listen('place', (place) => {
  screens.none();
  hud.show();
  scene.arrive(place);
  controls.stop();
});

// 7. Objects come and go, walk, and talk. The scene draws what is in `world.actors`; what is said is also written down.
world.listen('said', ({ actor, words }) => hud.said(actor, words));
world.listen('told', (text) => hud.told(text));
world.listen('actors', () => hud.refresh());
world.listen('sight', () => hud.refresh());
hud.listen('say', (words) => world.say(words));
hud.listen('emote', (which) => world.emote(which));
hud.listen('portal', () => world.usePortal());
hud.listen('cheat', () => world.cheat());
hud.listen('switch', () => screens.choice(world.districts, world.place?.district));
hud.listen('leave', () => {
  tickets.forget();
  location.reload();
});
controls.listen('portal', () => world.usePortal());
controls.listen('emote', (which) => world.emote(which));
controls.listen('talk', () => hud.talk());

// 8. Things go wrong. What is lost is tried again, and the ticket makes us the same player; who is ejected is told why.
world.listen('lost', ({ retry, hasEnded }) => screens.lost(retry, hasEnded));
world.listen('ejected', ({ code, text }) => {
  routed.close();
  hud.hide();
  screens.ejected(code, text);
});
screens.listen('reload', () => location.assign('/'));
screens.listen('anew', () => {
  tickets.forget();
  location.assign('/');
});

// 9. Sixty times a second: walk, and draw.
let last = performance.now();
requestAnimationFrame(function frame(now) {
  requestAnimationFrame(frame);
  const direction = controls.direction(world.me);
  if (direction.x || direction.y) hud.walks();
  world.step(Math.min(0.1, (now - last) / 1000), direction, now);
  scene.draw(now);
  hud.frame(now);
  last = now;
});
