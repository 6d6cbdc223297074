// Building elements without ever parsing a string as HTML, and saying sizes and times.

/**
 * An element with attributes (`on…` are listeners, `false` leaves one out) and children; strings become text.
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value !== false && value !== undefined) element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat().filter((child) => child !== undefined && child !== false));
  return element;
}

export async function fetchJson(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path}: HTTP ${response.status}`);
  return response.json();
}

const UNITS = ['bytes', 'KB', 'MB', 'GB'];

/** `412 bytes`, `3.1 KB`, `20 MB`. */
export function size(bytes) {
  let unit = 0;
  let value = bytes;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const shown = unit === 0 || value >= 10 ? Math.round(value) : Math.round(value * 10) / 10;
  return `${shown} ${bytes === 1 ? 'byte' : UNITS[unit]}`;
}

const sameDay = (a, b) => a.toDateString() === b.toDateString();

/** The time, with the date where it is not today. */
export function when(iso) {
  const date = new Date(iso);
  const time = date.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false });
  if (sameDay(date, new Date())) return time;
  return `${date.toLocaleDateString([], { day: 'numeric', month: 'short' })}, ${time}`;
}

export const plural = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;

/** `Ada Lovelace`, or the address where there is no name. */
export const nameOf = ({ name, address }) => name || address || 'unknown';

/** `Ada Lovelace <ada@example.com>`. */
export const fullName = ({ name, address }) => (name ? `${name} <${address}>` : address);

/** A list of facts. Rows without a value are left out. */
export function facts(rows) {
  return h(
    'dl',
    { class: 'facts' },
    rows.flatMap(([term, value]) =>
      value === undefined || value === '' ? [] : [h('div', {}, h('dt', {}, term), h('dd', {}, value))],
    ),
  );
}
