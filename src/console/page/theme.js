// Before the first paint, so that nobody sees the other theme flash: what was chosen here, else what the system has.
try {
  const chosen = localStorage.getItem('donet-theme');
  if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
} catch {
  // A browser that keeps nothing: the system's theme it is.
}
