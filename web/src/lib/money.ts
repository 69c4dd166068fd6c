/* Money is an integer of minor units (hundredths) from the moment it arrives until it is shown.
 * Amounts come as JSON numbers with two decimals; sums are sums of integers. */

export type Minor = number;

export function toMinor(amount: number | string | null | undefined): Minor {
  return Math.round(Number(amount ?? 0) * 100);
}

/* The JSON number that stands for this amount: the shortest decimal, so 7 hundredths are sent as 0.07. */
export function fromMinor(minor: Minor): number {
  return minor / 100;
}

export function lineTotal(quantity: number, price: Minor, discount: Minor, returned: boolean): Minor {
  return returned ? 0 : Math.max(0, quantity * price - discount);
}

/* What a person typed: digits, the locale's group and decimal signs, at most two decimals.  Null when it is not
 * an amount.  A full stop is always taken as a decimal sign when the locale does not group with it. */
export function parseMoney(text: string, locale: string): Minor | null {
  const parts = new Intl.NumberFormat(locale).formatToParts(12345.6);
  const group = parts.find((p) => p.type === 'group')?.value ?? '';
  const decimal = parts.find((p) => p.type === 'decimal')?.value ?? '.';
  let s = text.replace(/[\s\u00a0\u202f]/g, '');
  if (group.trim()) s = s.split(group).join('');
  s = s.replace(decimal, '.');
  const m = /^(\d{1,10})(?:\.(\d{1,2}))?$/.exec(s);
  return m ? Number(m[1]) * 100 + Number((m[2] ?? '').padEnd(2, '0')) : null;
}

/* Shows whole amounts without decimals, others with two. */
export function moneyFormat(locale: string, currency: string): (minor: Minor) => string {
  const options = { style: 'currency', currency, currencyDisplay: 'narrowSymbol' } as const;
  const whole = new Intl.NumberFormat(locale, {
    ...options,
    minimumFractionDigits: 0,
    maximumFractionDigits: 0,
  });
  const exact = new Intl.NumberFormat(locale, {
    ...options,
    minimumFractionDigits: 2,
    maximumFractionDigits: 2,
  });
  return (minor) => (minor % 100 === 0 ? whole : exact).format(minor / 100);
}
