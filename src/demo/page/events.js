// Something with events, of which a listener is given what they are about.

export class Events extends EventTarget {
  /** @param {string} type @param {(detail: any) => void} callback */
  listen(type, callback) {
    this.addEventListener(type, (event) => callback(/** @type {CustomEvent} */ (event).detail));
  }

  /** @param {string} type @param {any} [detail] */
  emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
