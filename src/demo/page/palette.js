// Colours: those that players choose from, and those of each kind of place.

export const COLOURS = ['#ef8354', '#f2b84b', '#e7d35a', '#8cc152', '#4fb286', '#45b7c4', '#5b9bd5', '#7d7fd9', '#a979d6', '#d97fb7', '#e2646f', '#9c8577'];
export const COLOUR_NAMES = ['Orange', 'Amber', 'Lemon', 'Leaf', 'Jade', 'Lagoon', 'Sky', 'Iris', 'Violet', 'Rose', 'Cherry', 'Hazel'];

export const LANDS = {
  meadow: {
    sky: ['#cfe9f2', '#e9f5f1'], rim: '#c9a878', rimDark: '#a3825a', ground: '#a5d184', light: '#bbdf97', dark: '#8fc173', blade: '#7db264',
    path: '#ecdcb2', pathEdge: '#d5c08f', water: '#82cbd8', waterDeep: '#66b7c9', shore: '#e4d7a6', shadow: 'rgba(46, 74, 50, .2)', grid: 'rgba(255, 255, 255, .55)',
    flowers: ['#fff6e0', '#ffd76e', '#f59bb6', '#c8a2ec', '#ff9f7a'], leaves: [['#6fb36b', '#8fce80'], ['#5fa878', '#80c795'], ['#f0a6bd', '#fbc9d5'], ['#8db552', '#b2d271']],
  },
  harbour: {
    sky: ['#c3e4f3', '#eef5ef'], rim: '#c7ab83', rimDark: '#9c8059', ground: '#b7d493', light: '#c9e0a6', dark: '#a2c67f', blade: '#8db570',
    path: '#f0e2bf', pathEdge: '#d9c69a', water: '#6dc0d6', waterDeep: '#4aa3c4', shore: '#f1e2b4', shadow: 'rgba(40, 66, 74, .2)', grid: 'rgba(255, 255, 255, .5)',
    flowers: ['#fff6e0', '#ffd76e', '#ff9f7a'], leaves: [['#6fae72', '#90c987'], ['#86b55b', '#a9cf78'], ['#5ca287', '#80c3a3'], ['#6fae72', '#90c987']],
  },
  cave: {
    sky: ['#1a1628', '#241d38'], rim: '#2f2748', rimDark: '#221b36', ground: '#4b4268', light: '#584e78', dark: '#3f375a', blade: '#5f5582',
    path: '#5d5280', pathEdge: '#463d63', water: '#3e7fa8', waterDeep: '#2f6690', shore: '#5d5280', shadow: 'rgba(10, 6, 24, .38)', grid: 'rgba(255, 255, 255, .16)',
    flowers: ['#7fe3f0', '#b48cf2'], leaves: [['#6fd6e8', '#b9f3fb'], ['#a583ef', '#d6c4ff'], ['#ee8fce', '#ffcdea'], ['#7de3b8', '#c9ffe6']],
  },
};

/** A colour between two. @param {string} from `#rrggbb` @param {string} to @param {number} part */
export function mix(from, to, part) {
  const of = (colour, at) => parseInt(colour.slice(at, at + 2), 16);
  return `#${[1, 3, 5].map((at) => Math.round(of(from, at) + (of(to, at) - of(from, at)) * part).toString(16).padStart(2, '0')).join('')}`;
}
