import type { ApiReply } from '../../api/client.ts';
import type { Context } from '../../context.ts';
import { UsageError } from '../../refusal.ts';
import type { OptionSpecs } from '../../specs.ts';

interface LimitsJson {
  per_hour: number | null;
  per_second: number | null;
}

export const CALLERS = ['api_key', 'nobody', 'oauth', 'login', 'jwt'] as const;
type Caller = (typeof CALLERS)[number];

/** A plan as the API writes it. */
export type PlanJson = { name: string; offered: boolean } & Record<Caller, LimitsJson>;

/** What a new plan and a changed one may both say. */
export const planOptions = {
  offered: { type: 'text', value: 'YES', description: 'Whoever makes a key may choose it', choices: ['yes', 'no'] },
  limits: {
    type: 'list',
    value: 'CALLER=LIMITS',
    description: `api_key=1000/hour,10/second, or none; callers are ${CALLERS.join(', ')}`,
  },
} as const satisfies OptionSpecs;

/** `1000/hour, 10/second`. */
export function limitsText({ per_hour, per_second }: LimitsJson): string {
  return `${per_hour ?? 'any'}/hour, ${per_second ?? 'any'}/second`;
}

function limitsOf(text: string, path: string): LimitsJson {
  const limits: LimitsJson = { per_hour: null, per_second: null };
  if (text === 'none') return limits;
  for (const part of text.split(',')) {
    const [, count, unit] = /^ *(\d{1,10})\/(hour|second) *$/.exec(part) ?? [];
    if (count === undefined) throw new UsageError('--limits looks like api_key=1000/hour,10/second', path);
    limits[`per_${unit as 'hour' | 'second'}`] = Number(count);
  }
  return limits;
}

/** The fields of a body that were given. Throws `UsageError`. */
export function planBody(options: { offered: string | undefined; limits: string[] }, path: string) {
  const limits = options.limits.map((entry): [string, LimitsJson] => {
    const at = entry.indexOf('=');
    const caller = entry.slice(0, at);
    if (!CALLERS.some((known) => known === caller)) {
      throw new UsageError(`--limits begins with ${CALLERS.map((known) => `${known}=`).join(', ')}`, path);
    }
    return [caller, limitsOf(entry.slice(at + 1), path)];
  });
  return {
    ...(options.offered === undefined ? {} : { offered: options.offered === 'yes' }),
    ...Object.fromEntries(limits),
  };
}

/** As fields, or as the API's JSON. */
export function showPlan(context: Pick<Context, 'out' | 'fields'>, reply: ApiReply, json: boolean): void {
  const plan = reply.json as PlanJson;
  if (json) context.out(`${reply.text.trimEnd()}\n`);
  else {
    context.fields([
      ['name', plan.name],
      ['offered', plan.offered ? 'yes' : 'no'],
      ...CALLERS.map((caller): [string, string] => [caller, limitsText(plan[caller])]),
    ]);
  }
}
