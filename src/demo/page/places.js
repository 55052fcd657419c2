// Where one can be: a District, which is a grid of zones, or a Cave, which is one.

/**
 * @param {any} world @param {number} parent @param {number} zone
 * @returns null in the lobby
 */
export function placeOf({ facts, districts, place, portalName }, parent, zone) {
  if (parent === facts.root) return null;
  const district = districts.get(parent);
  if (!district) {
    // A Cave's object is seen by nobody, so that we call it by the portal that leads to it.
    return { parent, zone, kind: 'cave', name: portalName ?? 'Cave', columns: 1, rows: 1, cell: facts.cave.width, width: facts.cave.width, height: facts.cave.height, sees: [1], district: place?.district };
  }
  const { columns, rows, cell, sight } = facts;
  const grid = { columns, rows, cell, width: columns * cell, height: rows * cell };
  return { parent, zone, kind: 'district', name: district.fields.setName[0], ...grid, sees: zonesAround(zone, grid, sight), district: parent };
}

/** The column and the row of a zone. They are numbered from 1 on, row by row. */
export const cellOf = (zone, { columns }) => ({ column: (zone - 1) % columns, row: Math.floor((zone - 1) / columns) });

/** A zone and those around it, as far as one sees. */
function zonesAround(zone, { columns, rows }, sight) {
  const at = cellOf(zone, { columns });
  const zones = [];
  for (let row = Math.max(0, at.row - sight); row <= Math.min(rows - 1, at.row + sight); row++) {
    for (let column = Math.max(0, at.column - sight); column <= Math.min(columns - 1, at.column + sight); column++) {
      zones.push(1 + row * columns + column);
    }
  }
  return zones;
}
