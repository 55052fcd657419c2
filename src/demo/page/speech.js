// What floats above heads: names, what is said, and emotes. It is as large on every screen, so that one can read it.

const FONT = "600 12.5px ui-rounded, 'SF Pro Rounded', Quicksand, Nunito, system-ui, sans-serif";
const WORDS_FONT = "600 13.5px ui-rounded, 'SF Pro Rounded', Quicksand, Nunito, system-ui, sans-serif";
const WIDEST = 190, LINE = 18, MOST_LINES = 5;

/** @param {CanvasRenderingContext2D} g */
function lines(g, words) {
  const all = [''];
  for (const word of words.split(/\s+/)) {
    // A word that is too long is cut into pieces.
    for (const piece of word.match(/.{1,22}/gu) ?? []) {
      const longer = all[all.length - 1] ? `${all[all.length - 1]} ${piece}` : piece;
      if (g.measureText(longer).width <= WIDEST) all[all.length - 1] = longer;
      else all.push(piece);
    }
  }
  return all.length > MOST_LINES ? [...all.slice(0, MOST_LINES - 1), `${all[MOST_LINES - 1]}…`] : all;
}

/** A name, at the pixel where its middle is. */
export function drawName(g, name, x, y, { isMe, alpha }) {
  g.save();
  g.globalAlpha = alpha;
  g.font = FONT;
  g.textAlign = 'center';
  g.textBaseline = 'middle';
  const width = g.measureText(name).width + 16;
  g.fillStyle = isMe ? 'rgba(255, 255, 255, .95)' : 'rgba(45, 42, 62, .62)';
  g.beginPath();
  g.roundRect(x - width / 2, y - 10, width, 20, 10);
  g.fill();
  g.fillStyle = isMe ? '#37314a' : '#fff';
  g.fillText(name, x, y + 0.5);
  g.restore();
}

/**
 * A bubble, whose tail points to the pixel: above those that are there already, and within the screen.
 * @returns where it ends above
 */
export function drawBubble(g, { words, since, until }, x, y, now, { calm, taken, screen }) {
  const shown = Math.min(1, Math.max(0, now - since) / 160);
  const alpha = Math.min(1, shown, (until - now) / 400);
  if (alpha <= 0) return y;
  g.save();
  g.globalAlpha *= alpha;
  g.font = WORDS_FONT;
  const texts = lines(g, words);
  const width = Math.max(...texts.map((text) => g.measureText(text).width)) + 26;
  const height = texts.length * LINE + 16;
  const left = Math.max(8, Math.min(screen - width - 8, x - width / 2));
  const tail = Math.max(20 - width / 2, Math.min(width / 2 - 20, x - left - width / 2));
  for (const other of taken) {
    if (left < other.right + 6 && left + width > other.left - 6 && y > other.top - 4 && y - height - 9 < other.bottom + 4) y = other.top - 4;
  }
  taken.push({ left, right: left + width, top: y - height - 9, bottom: y });
  g.translate(left + width / 2, y);
  if (!calm) g.scale(0.7 + 0.3 * shown, 0.7 + 0.3 * shown);
  // Its shadow first.
  for (const [down, colour] of [[4, 'rgba(50, 45, 90, .1)'], [2, 'rgba(50, 45, 90, .14)'], [0, '#fffdf8']]) {
    g.fillStyle = colour;
    g.beginPath();
    g.roundRect(-width / 2, -height - 9 + down, width, height, 15);
    g.moveTo(tail - 8, -10 + down);
    g.quadraticCurveTo(tail - 2, -6 + down, tail - 1, down);
    g.quadraticCurveTo(tail + 5, -4 + down, tail + 9, -10 + down);
    g.fill();
  }
  g.fillStyle = '#37314a';
  g.textAlign = 'center';
  g.textBaseline = 'middle';
  texts.forEach((text, at) => g.fillText(text, 0, -height - 9 + 8 + LINE * (at + 0.5)));
  g.restore();
  return y - height - 9;
}

const SIGNS = [
  // A wave: lines beside the hand that waves.
  (g) => {
    Object.assign(g, { lineWidth: 2.4, strokeStyle: '#f2b84b', lineCap: 'round' });
    for (const [radius, from] of [[6, -0.9], [11, -0.8], [16, -0.7]]) {
      g.beginPath();
      g.arc(-8, 8, radius, from, from + 0.9);
      g.stroke();
    }
  },
  (g) => {
    g.fillStyle = '#ec6a83';
    g.beginPath();
    g.moveTo(0, 10);
    g.bezierCurveTo(-18, -3, -9, -15, 0, -6);
    g.bezierCurveTo(9, -15, 18, -3, 0, 10);
    g.fill();
    g.fillStyle = 'rgba(255, 255, 255, .6)';
    g.beginPath();
    g.ellipse(-5, -5, 2.4, 1.6, -0.7, 0, 7);
    g.fill();
  },
  (g) => {
    g.font = WORDS_FONT;
    g.textAlign = 'center';
    g.fillStyle = '#37314a';
    g.strokeStyle = '#fffdf8';
    g.lineWidth = 4;
    g.lineJoin = 'round';
    g.strokeText('ha ha', 0, 4);
    g.fillText('ha ha', 0, 4);
  },
  (g) => {
    Object.assign(g, { fillStyle: '#6b62c9', strokeStyle: '#6b62c9', lineWidth: 2.4 });
    g.beginPath();
    g.moveTo(-4, 7);
    g.lineTo(-4, -8);
    g.lineTo(8, -11);
    g.lineTo(8, 4);
    g.stroke();
    for (const [x, y] of [[-7, 7], [5, 4]]) {
      g.beginPath();
      g.ellipse(x, y, 4, 3, -0.4, 0, 7);
      g.fill();
    }
  },
];

/** An emote that rises from the pixel. */
export function drawEmote(g, { which, since, until }, x, y, now, calm) {
  const age = (now - since) / 1000;
  if (now > until || !SIGNS[which]) return;
  const copies = calm || which === 0 || which === 2 ? 1 : 3;
  for (let copy = 0; copy < copies; copy++) {
    const own = age - copy * 0.45;
    if (own < 0) continue;
    const part = (own % 1.6) / 1.6;
    g.save();
    g.globalAlpha *= calm ? 1 : Math.min(1, part * 6, (1 - part) * 3);
    g.translate(x + (calm ? 0 : Math.sin(own * 4 + copy * 2) * 9 + (copy - 1) * 8 * (copies > 1 ? 1 : 0)), y - 14 - (calm ? 0 : part * 34));
    SIGNS[which](g);
    g.restore();
  }
}
