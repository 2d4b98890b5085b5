let known: Promise<ReadonlySet<string>> | undefined;

/** Loaded when the first password is chosen: some 18,000 of the list can pass the other rules. */
async function load(): Promise<ReadonlySet<string>> {
  const { dictionary } = await import('@zxcvbn-ts/language-common');
  return new Set(dictionary['passwords-common'] as readonly string[]);
}

const TRAILING = /[\d\p{P}\p{S}]{1,4}$/u;

/** Whether a password, in whatever letter case, or without up to four digits and signs at its end, is a common one. */
export async function isCommonPassword(password: string): Promise<boolean> {
  known ??= load();
  const lower = password.toLowerCase();
  const list = await known;
  const stem = lower.replace(TRAILING, '');
  return list.has(lower) || (stem.length >= 4 && list.has(stem)) || isOneRepeated(lower);
}

const isOneRepeated = (text: string) => new Set(text).size < 3;
