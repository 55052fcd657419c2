// A daemon under test, with its configuration in a folder of its own.

import { spawn, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const HERE = dirname(fileURLToPath(import.meta.url));
export const BINARY = process.env.DONET_BIN;
if (!BINARY) throw new Error('DONET_BIN names no daemon: start these tests by tests/client/run');

export const VERSION = 'browser 1.0';
export const LOGIN_MANAGER = 1001;
export const STATE_SERVER = 4001;

/** The DC files as their export has them. */
export function exportDc(name) {
  const text = execFileSync(BINARY, ['dc', 'show', '--format', 'json', join(HERE, name)], { encoding: 'utf8' });
  return JSON.parse(text);
}

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}

/** Waits until somebody accepts connections there. */
async function listening(port, daemon) {
  for (;;) {
    if (daemon.exitCode !== null) throw new Error(`the daemon has ended:\n${daemon.log}`);
    const socket = connect(port, '127.0.0.1');
    const open = await new Promise((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    socket.destroy();
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A cluster in one process. It keeps its ports when it is started again. */
export class Daemon {
  async start() {
    this.folder ??= mkdtempSync(join(tmpdir(), 'donet-client-'));
    this.messages ??= await freePort();
    this.websocket ??= await freePort();
    writeFileSync(join(this.folder, 'donet.yml'), JSON.stringify(this.configuration()));
    // The control socket of a daemon that is killed stays.
    const env = { ...process.env, XDG_RUNTIME_DIR: this.folder };
    this.process = spawn(BINARY, ['--config', 'donet.yml'], { cwd: this.folder, env });
    this.process.log = '';
    for (const output of [this.process.stdout, this.process.stderr]) {
      output.on('data', (data) => (this.process.log += data));
    }
    await listening(this.messages, this.process);
    await listening(this.websocket, this.process);
  }

  /** Ends it at once, or as a player's bad luck would have it. */
  async stop(signal = 'SIGTERM') {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const exit = once(this.process, 'exit');
    this.process.kill(signal);
    await exit;
  }

  async remove() {
    await this.stop('SIGKILL');
    rmSync(this.folder, { recursive: true });
  }

  get url() {
    return `ws://127.0.0.1:${this.websocket}/`;
  }

  configuration() {
    return {
      messagedirector: { bind: `127.0.0.1:${this.messages}` },
      general: { dc_files: [join(HERE, 'world.dc')] },
      uberdogs: [{ id: LOGIN_MANAGER, class: 'LoginManager', anonymous: true }],
      roles: [
        { type: 'stateserver', control: STATE_SERVER },
        {
          type: 'clientagent',
          bind: 'none',
          version: VERSION,
          channels: { min: 1000000, max: 1000999 },
          client: { relocate: true, add_interest: 'enabled', heartbeat_timeout: 3000, resume_ms: 60000 },
          websocket: { bind: `127.0.0.1:${this.websocket}` },
        },
      ],
    };
  }
}
