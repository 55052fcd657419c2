// What the page knows, for whoever looks at it from outside, such as tests: `window.demo`. It can only be read.

const plain = (actor) => ({ doId: actor.doId, kind: actor.kind, name: actor.name, colour: actor.colour, x: actor.x, y: actor.y, zone: actor.object.zone, parent: actor.object.parent, says: actor.bubble?.words ?? null });

/** @param {any} world @param {any} screens */
export function show(world, screens) {
  const present = () => [...world.actors.values()].filter((actor) => !actor.goneAt);
  const of = (kind) => present().filter((actor) => actor.kind === kind && !actor.isMe).map(plain);
  const state = {
    get screen() { return screens.name; },
    get me() { return world.me && plain(world.me); },
    get place() { return world.place && structuredClone(world.place); },
    get players() { return of('Avatar'); },
    get critters() { return of('Critter'); },
    get portals() { return of('Portal'); },
    get districts() { return [...world.districts.values()].map(({ doId, fields }) => ({ doId, name: fields.setName[0], population: fields.setPopulation[0] })); },
    get interests() { return world.place ? world.interests.openOf(world.place.parent).sort((a, b) => a - b) : []; },
    get connection() { return world.connection.state; },
  };
  Object.defineProperty(window, 'demo', { value: Object.freeze(state) });
}
