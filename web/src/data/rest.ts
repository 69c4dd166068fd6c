/* rest: reads and writes of tables, as the signed-in person.  All throw Failure. */
import { askAsMe } from './auth';
import { Failure, type Answer } from './http';

/* Names and values of the query string; the same name may come twice. */
export type Query = readonly (readonly [string, string | number])[];

const WITH_ROWS = { Prefer: 'return=representation' };

function address(table: string, query: Query): string {
  const q = new URLSearchParams(query.map(([name, value]) => [name, String(value)]));
  return `/rest/v1/${table}?${q.toString()}`;
}

function checked<R>(answer: Answer<R[]>): Answer<R[]> {
  if (!Array.isArray(answer.body)) throw new Failure(200, 'BAD_ANSWER', 'The server’s answer is not a list of rows.');
  return answer;
}

export async function select<R>(table: string, query: Query): Promise<Answer<R[]>> {
  return checked(await askAsMe<R[]>(address(table, query)));
}

export interface Written<R> {
  row: R;
  /* A change of the server's log that is no earlier than this one. */
  seq: number;
}

/* The one row that was written, or NONE: it is not there, or not this person's to write. */
async function write<R>(method: 'POST' | 'PATCH' | 'DELETE', path: string, body?: object): Promise<Written<R>> {
  const { body: rows, seq } = checked(await askAsMe<R[]>(path, { method, headers: WITH_ROWS, body }));
  const row = rows[0];
  if (!row) throw new Failure(200, 'NONE', '');
  return { row, seq };
}

export const insert = <R>(table: string, row: object) => write<R>('POST', address(table, []), row);
export const update = <R>(table: string, id: string, row: object) =>
  write<R>('PATCH', address(table, [['id', `eq.${id}`]]), row);
export const remove = <R>(table: string, id: string) => write<R>('DELETE', address(table, [['id', `eq.${id}`]]));
