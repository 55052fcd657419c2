// What lies between a client and the daemon, and can be cut.

import { once } from 'node:events';
import { connect, createServer } from 'node:net';

export class Proxy {
  async open(port) {
    this.sockets = new Set();
    this.server = createServer((near) => {
      const far = connect(port, '127.0.0.1');
      for (const [from, to] of [[near, far], [far, near]]) {
        this.sockets.add(from);
        from.pipe(to);
        from.on('error', () => to.destroy());
        from.on('close', () => {
          this.sockets.delete(from);
          to.destroy();
        });
      }
    });
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    this.url = `ws://127.0.0.1:${this.server.address().port}/`;
  }

  /** Resets all connections: what is in flight is lost. */
  cut() {
    for (const socket of this.sockets) socket.resetAndDestroy();
  }

  close() {
    this.server.close();
    this.cut();
  }
}
