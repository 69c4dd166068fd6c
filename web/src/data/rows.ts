/* The rows as the server shows them. */
import type { Shift } from '../lib/clock';

export type Role = 'owner' | 'manager' | 'sales_rep';
export type Level = 'out' | 'low' | 'normal' | 'high';

export interface Config {
  anon_key: string;
  bakery_name: string;
  currency: string;
  locale: string;
  time_zone: string;
  morning_start: string;
  night_start: string;
  version: string;
}

export interface Stamped {
  updated_at: string;
}

export interface Bread extends Stamped {
  id: string;
  name: string;
  size: string | null;
  unit_price: number;
  low_threshold: number;
  is_active: boolean;
}

export interface Stock extends Stamped {
  bread_type_id: string;
  baked: number;
  sold: number;
  remaining: number;
}

export interface Production extends Stamped {
  id: string;
  bread_type_id: string;
  quantity: number;
  shift: Shift;
  note: string | null;
  recorded_by: string;
  created_at: string;
  business_day: string;
}

export interface Sale extends Stamped {
  id: string;
  bread_type_id: string;
  quantity: number;
  unit_price: number;
  discount: number;
  returned: boolean;
  shift: Shift;
  recorded_by: string;
  created_at: string;
  business_day: string;
  revenue: number;
}

export interface Feedback extends Stamped {
  id: string;
  user_id: string;
  shift: Shift;
  note: string;
  created_at: string;
  business_day: string;
}

export interface ShiftTotal extends Stamped {
  business_day: string;
  shift: Shift;
  bread_type_id: string;
  baked: number;
  sold: number;
  returned: number;
  sales: number;
  discount: number;
  revenue: number;
}

export interface Person extends Stamped {
  id: string;
  name: string;
  role: Role;
  is_active: boolean;
}

export interface Counts {
  produced: number;
  sold: number;
}
