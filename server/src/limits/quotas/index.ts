// Boundary: durable quotas: how much a bucket may spend in a calendar period, exact over crashes and processes.
// Owns quota_usage. Which bucket has which quota is decided by whoever owns the credential.
export { QUOTA_PERIODS, type Quota, type QuotaPeriod, type QuotaSpending } from './quota.ts';
export { createQuotas, type Quotas } from './quotas.ts';
