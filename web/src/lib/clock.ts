/* The bakery's clock: which business day and which shift a moment belongs to.  The server decides; this tells
 * the page when to expect the next shift.  A night belongs to the day on which it began. */

export type Shift = 'morning' | 'night';

export interface ShiftBounds {
  time_zone: string;
  morning_start: string; // 'HH:MM'
  night_start: string;
}

export function minutesOf(clock: string): number {
  const [h = '0', m = '0'] = clock.split(':');
  return Number(h) * 60 + Number(m);
}

export function localTime(ms: number, timeZone: string): { date: string; minutes: number; seconds: number } {
  const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  }).formatToParts(ms);
  const get = (type: string) => parts.find((p) => p.type === type)?.value ?? '00';
  return {
    date: `${get('year')}-${get('month')}-${get('day')}`,
    minutes: Number(get('hour')) * 60 + Number(get('minute')),
    seconds: Number(get('second')),
  };
}

/* `date` moved by whole days; dates are 'YYYY-MM-DD'. */
export function addDays(date: string, days: number): string {
  return dayOf(dayNumber(date) + days);
}

/* Days since 1970. */
export function dayNumber(date: string): number {
  return Date.parse(`${date}T00:00:00Z`) / 86_400_000;
}

export function dayOf(number: number): string {
  return new Date(number * 86_400_000).toISOString().slice(0, 10);
}

/* Both ends included. */
export function daysBetween(from: string, to: string): string[] {
  const out: string[] = [];
  for (let d = from; d <= to && out.length < 1000; d = addDays(d, 1)) out.push(d);
  return out;
}

export function shiftAt(ms: number, bounds: ShiftBounds): { day: string; shift: Shift } {
  const { date, minutes } = localTime(ms, bounds.time_zone);
  if (minutes >= minutesOf(bounds.night_start)) return { day: date, shift: 'night' };
  if (minutes >= minutesOf(bounds.morning_start)) return { day: date, shift: 'morning' };
  return { day: addDays(date, -1), shift: 'night' };
}

/* When a business day begins, in ms; on a day of a change to or from summer time it may be an hour off. */
export function dayStart(day: string, bounds: ShiftBounds): number {
  const guess = Date.parse(`${day}T00:00:00Z`) + minutesOf(bounds.morning_start) * 60_000;
  const { date, minutes } = localTime(guess, bounds.time_zone);
  return 2 * guess - (Date.parse(`${date}T00:00:00Z`) + minutes * 60_000);
}

/* How long until the shift changes, at least a second.  A change to or from summer time in between makes this an
 * estimate, so whoever waits asks shiftAt again. */
export function untilNextShift(ms: number, bounds: ShiftBounds): number {
  const { minutes, seconds } = localTime(ms, bounds.time_zone);
  const now = minutes * 60 + seconds;
  const waits = [bounds.morning_start, bounds.night_start].map((b) => {
    const wait = minutesOf(b) * 60 - now;
    return wait > 0 ? wait : wait + 86_400;
  });
  return Math.max(1, Math.min(...waits)) * 1000;
}
