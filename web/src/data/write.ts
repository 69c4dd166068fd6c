/* write: changes that a person makes.  Each answers '' or what went wrong, in words for that person.  The row that
 * comes back is shown at once (table.ts). */
import type { Shift } from '../lib/clock';
import { uuid } from '../lib/uuid';
import { Failure } from './http';
import * as rest from './rest';
import type { Bread, Feedback, Person, Production, Sale, Stamped } from './rows';
import * as s from './state';
import type { Table } from './table';

export const UNREACHABLE = 'The server cannot be reached. Nothing was saved; please try again.';

export type Outcome<R> = rest.Written<R> | { failure: Failure };

async function outcome<R>(work: Promise<rest.Written<R>>): Promise<Outcome<R>> {
  try {
    return await work;
  } catch (e) {
    if (e instanceof Failure) return { failure: e };
    throw e;
  }
}

export const insert = <R>(table: string, row: object) => outcome(rest.insert<R>(table, row));
const update = <R>(table: string, id: string, row: object) => outcome(rest.update<R>(table, id, row));
const remove = <R>(table: string, id: string) => outcome(rest.remove<R>(table, id));

export function inWords(failure: Failure): string {
  if (failure.isUnknown) return UNREACHABLE;
  switch (failure.code) {
    case 'NONE':
      return 'This entry is no longer there, or you may not change it any more.';
    case '42501':
      return 'You are not allowed to do that.';
    case '23505':
      return 'There is already one with that name.';
    case '23514':
    case '22003':
    case '22P02':
      return 'One of the values is not possible. Please check them.';
    default:
      return failure.message || 'That did not work. Please try again.';
  }
}

function settle<R extends Stamped & { id: string }>(t: Table<R>, o: Outcome<R>): string {
  if (!('row' in o)) return inWords(o.failure);
  t.answer(o.row.id, o.row, o.seq);
  return '';
}

function settleRemoval<R extends Stamped>(t: Table<R>, key: string, o: Outcome<R>): string {
  if (!('row' in o)) {
    if (o.failure.code !== 'NONE') return inWords(o.failure);
    if (t.get(key)) return inWords(o.failure);
    return '';
  }
  t.answer(key, null, o.seq);
  return '';
}

export async function changeSale(id: string, row: Partial<Sale>): Promise<string> {
  return settle(s.sales, await update<Sale>('sales_logs', id, row));
}
export async function removeSale(id: string): Promise<string> {
  return settleRemoval(s.sales, id, await remove<Sale>('sales_logs', id));
}

export interface NewProduction {
  bread_type_id: string;
  quantity: number;
  shift: Shift;
  note: string | null;
}
/* The id is the caller's, so that trying again after a lost answer adds nothing twice. */
export async function addProduction(id: string, row: NewProduction): Promise<string> {
  const o = await insert<Production>('production_logs', { id, ...row });
  return !('row' in o) && o.failure.code === '23505' ? '' : settle(s.production, o);
}
export async function changeProduction(id: string, row: Partial<Production>): Promise<string> {
  return settle(s.production, await update<Production>('production_logs', id, row));
}
export async function removeProduction(id: string): Promise<string> {
  return settleRemoval(s.production, id, await remove<Production>('production_logs', id));
}

export async function addFeedback(id: string, row: { shift: Shift; note: string }): Promise<string> {
  const o = await insert<Feedback>('shift_feedback', { id, ...row });
  if (!('row' in o) && o.failure.code === '23505') return '';
  return settle(s.ownFeedback, o);
}
export async function changeFeedback(id: string, row: { note: string }): Promise<string> {
  return settle(s.ownFeedback, await update<Feedback>('shift_feedback', id, row));
}

export async function changePerson(id: string, row: Partial<Pick<Person, 'role' | 'is_active'>>): Promise<string> {
  return settle(s.people, await update<Person>('users', id, row));
}

export type BreadFields = Pick<Bread, 'name' | 'size' | 'unit_price' | 'low_threshold'>;
export async function addBread(row: BreadFields): Promise<string> {
  return settle(s.breads, await insert<Bread>('bread_types', { id: uuid(), ...row }));
}
export async function changeBread(id: string, row: Partial<Bread>): Promise<string> {
  return settle(s.breads, await update<Bread>('bread_types', id, row));
}
/* 'in use': entries refer to it, so it can only be taken out of sale. */
export async function removeBread(id: string): Promise<string> {
  const o = await remove<Bread>('bread_types', id);
  if (!('row' in o) && o.failure.code === '23503') return 'in use';
  return settleRemoval(s.breads, id, o);
}
