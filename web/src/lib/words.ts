/* words: times, days and counts as people read them, in the bakery's language and time zone. */
import type { Role } from '../data/rows';
import { config } from '../data/state';
import { addDays, type Shift } from './clock';

const locale = () => config.value?.locale ?? 'en';
const formats = new Map<string, Intl.DateTimeFormat>();

function dateFormat(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = JSON.stringify([locale(), options]);
  let f = formats.get(key);
  if (!f) formats.set(key, (f = new Intl.DateTimeFormat(locale(), options)));
  return f;
}

/* 'Sun 22 Nov' for a business day. */
export function dayWords(day: string, long = false): string {
  if (!day) return '';
  return dateFormat({
    timeZone: 'UTC',
    weekday: long ? 'long' : 'short',
    day: 'numeric',
    month: long ? 'long' : 'short',
  }).format(Date.parse(`${day}T12:00:00Z`));
}

export function shortDay(day: string): string {
  return dateFormat({ timeZone: 'UTC', day: 'numeric', month: 'short' }).format(
    Date.parse(`${day}T12:00:00Z`),
  );
}

export function timeWords(stamp: string | number): string {
  const ms = typeof stamp === 'number' ? stamp : Date.parse(stamp);
  return dateFormat({
    timeZone: config.value?.time_zone ?? 'UTC',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  }).format(ms);
}

export function shiftWords(s: Shift): string {
  return s === 'morning' ? 'Morning' : 'Night';
}

export function roleWords(r: Role): string {
  return { owner: 'Owner', manager: 'Manager', sales_rep: 'Sales rep' }[r];
}

export function relativeDay(day: string, today: string): string {
  if (day === today) return 'Today';
  if (day === addDays(today, -1)) return 'Yesterday';
  return dayWords(day);
}

/* With a capital letter and a full stop. */
export function sentence(text: string): string {
  return text && `${text[0]?.toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;
}

/* With a true minus. */
export function count(n: number): string {
  return n < 0 ? `−${count(-n)}` : n.toLocaleString(locale());
}

/* A change: '+40', '−2'. */
export function signed(n: number): string {
  return n > 0 ? `+${count(n)}` : count(n);
}

export function age(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 5) return 'now';
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  return `${Math.floor(s / 3600)} h`;
}
