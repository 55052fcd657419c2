// A portal: a ring of stone in which light turns. Drawn at the origin of a canvas that counts in steps.

import { blob } from './sprites.js';

const LIGHT = ['#7ee0f2', '#9f8cf5', '#f4a6dd'];

function ring(g, rx, ry, width, colour) {
  Object.assign(g, { lineWidth: width, strokeStyle: colour });
  g.beginPath();
  g.ellipse(0, -3.3, rx, ry, 0, 0, Math.PI * 2);
  g.stroke();
}

/** What it throws on the ground. */
export function drawGlow(g, now, near) {
  const glow = g.createRadialGradient(0, 0, 0.5, 0, 0, 8);
  const strength = 0.5 + 0.08 * Math.sin(now / 500) + (near ? 0.15 : 0);
  glow.addColorStop(0, `rgba(170, 200, 255, ${strength})`);
  glow.addColorStop(0.5, `rgba(160, 150, 250, ${strength * 0.4})`);
  glow.addColorStop(1, 'rgba(160, 150, 250, 0)');
  g.fillStyle = glow;
  g.fillRect(-8, -8, 16, 16);
  // Flat stones around it.
  for (let at = 0; at < 11; at++) {
    const angle = (at / 11) * Math.PI * 2;
    blob(g, Math.cos(angle) * 4, Math.sin(angle) * 4, 0.62, 0.5, 'rgba(70, 70, 100, .25)');
    blob(g, Math.cos(angle) * 4, Math.sin(angle) * 4 - 0.2, 0.6, 0.48, at % 2 ? '#c9c7d6' : '#d9d7e3');
  }
}

export function drawPortal(g, now, calm) {
  const time = calm ? 0 : now / 1000;
  const light = g.createRadialGradient(0, -3.3, 0.2, 0, -3.3, 3);
  light.addColorStop(0, '#ffffff');
  light.addColorStop(0.35, '#c9f2ff');
  light.addColorStop(0.75, '#8f9bf5');
  light.addColorStop(1, '#6c5bd0');
  g.fillStyle = light;
  g.beginPath();
  g.ellipse(0, -3.3, 2.05, 2.9, 0, 0, Math.PI * 2);
  g.fill();
  g.save();
  g.clip();
  Object.assign(g, { lineCap: 'round' });
  for (let arm = 0; arm < 6; arm++) {
    g.beginPath();
    for (let far = 0; far <= 1; far += 0.1) {
      const angle = arm * 1.047 + time * 1.1 + far * 2.6;
      g.lineTo(Math.cos(angle) * far * 2.1, -3.3 + Math.sin(angle) * far * 2.9);
    }
    Object.assign(g, { lineWidth: 0.3, strokeStyle: `${LIGHT[arm % 3]}aa` });
    g.stroke();
  }
  g.restore();
  ring(g, 2.3, 3.15, 0.95, '#6f6a88');
  ring(g, 2.28, 3.12, 0.75, '#a9a5bf');
  ring(g, 2.2, 3.05, 0.28, '#c9c5da');
  for (let at = 0; at < 10; at++) {
    const angle = (at / 10) * Math.PI * 2 + 0.3;
    const shine = 0.5 + 0.5 * Math.sin(time * 2 + at * 1.7);
    blob(g, Math.cos(angle) * 2.28, -3.3 + Math.sin(angle) * 3.12, 0.2, 0.24, `rgba(170, 240, 255, ${0.45 + 0.55 * shine})`);
  }
  for (const side of [-1, 1]) {
    blob(g, side * 1.9, -0.25, 1, 0.62, '#8b86a3');
    blob(g, side * 1.85, -0.45, 0.85, 0.45, '#b5b1c8');
  }
  // Sparks.
  for (let at = 0; at < (calm ? 0 : 9); at++) {
    const part = (time * 0.35 + at * 0.111) % 1;
    const x = Math.sin(at * 2.4 + time * 0.7) * 2.6;
    g.globalAlpha *= 1;
    blob(g, x, -0.4 - part * 7.5, 0.13, 0.13, `rgba(235, 250, 255, ${Math.sin(part * Math.PI)})`);
  }
}
