/** A session that can be resumed: which connection has it. Its state is in the socket's row. */
export interface SessionRecord {
  readonly pid: string;
  readonly nsp: string;
  /** The connection that has it, or is about to have it. */
  readonly connectionId: string;
  /** When that connection was made, in milliseconds: a later connection may take the session over. */
  readonly connectedAt: number;
  /** The connection with the latest row of the session's socket; another one while a resume has not committed. */
  readonly rowOn: string;
  /** Connections that claimed it since without having told that they committed, oldest first: one of them may have, and died. */
  readonly tried: readonly string[];
  readonly state: "live" | "resuming";
  /** Packets that emitters have left to the resume that is going on. */
  readonly pending: number;
  /** Milliseconds: a resume that has not come to its end by then is dead. */
  readonly until: number;
  /** How often it was resumed in the minute that began at `since`, in milliseconds; absent before the first time. */
  readonly resumes?: ResumeCount;
}

export interface ResumeCount {
  readonly since: number;
  readonly count: number;
}
