// Boundary: periodic work, under a lease where several processes share the database. Jobs are added by `compose.ts`.
// A lease keeps twins apart in the ordinary case only; correctness is the job's own atomic statements.
export { createJobs, type Job, type Jobs } from './runner.ts';
export { jobsMigrations } from './tables.ts';
