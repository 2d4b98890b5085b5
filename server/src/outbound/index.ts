// Boundary: every request that the server itself makes to an address that somebody else chose: key sets of other
// issuers, documents of clients, webhooks. One guarded way out (security H8 to H11). What is asked for, and what an
// answer means, is the business of who asks. Knows no domain and keeps nothing.
export { isPublicAddress } from './address-rules.ts';
export { createOutbound, type Outbound, type OutboundReply, type OutboundRequest } from './outbound.ts';
export { OutboundRefusal, type OutboundRefusalReason } from './refusal.ts';
export type { Resolve } from './resolve.ts';
export { problemOfTarget } from './target.ts';
