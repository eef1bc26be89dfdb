/** Words that functions and tables share. Types only: nothing of this file is left at run time. */

export type ConditionKind = "purl_visited" | "lead_submitted" | "sms_opted_in" | "call_seconds";

export interface Condition {
  kind: ConditionKind;
  label: string;
  needed: number;
  reached: number;
  met: boolean;
}

export type StockLevel = "ok" | "low" | "critical" | "empty";

export interface PoolStock {
  brand: string;
  denominationCents: number;
  currency: string;
  available: number;
  claimed: number;
  level: StockLevel;
  /** At the mean pace of the last day; null when nothing was claimed. */
  hoursLeft: number | null;
}

export interface FunnelStep {
  step: string;
  recipients: number;
}
