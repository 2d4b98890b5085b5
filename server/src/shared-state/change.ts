/** Something that a cache may hold was written: its kind (`api_key`, `workspace`) and id. */
export interface Change {
  kind: string;
  ref: string;
}
