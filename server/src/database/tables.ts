/** Every table of the installation: each domain adds its own rows by module augmentation in its `tables.ts`. */
export interface Tables {
  schema_migrations: { name: string; applied_at: number };
}
