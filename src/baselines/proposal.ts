import type { SetMetric } from "../evaluation";

/** A row as the project's proposal reports it: measured there, not here. BLEU in 0–100. */
export interface ReportedRow {
  variant: string;
  metrics: Partial<Record<SetMetric, string>>;
}

/** The rows of the proposal that later results are laid beside. It reports BLEU in 0–1; here it is times 100. */
export const proposalRows: readonly ReportedRow[] = [
  {
    variant: "retrieval (proposal)",
    metrics: { bleu: "25.7–30.3", rougeL: "0.300–0.304", personaCoverage: "0.380", jaccard: "0.279" },
  },
  {
    variant: "template (proposal)",
    metrics: { bleu: "0.2", rougeL: "0.127", personaCoverage: "1.000", jaccard: "0.157" },
  },
  {
    variant: "T5 with LoRA, 4 encoder blocks unfrozen (proposal)",
    metrics: { rougeL: "0.1632", personaCoverage: "0.0866", jaccard: "0.0831" },
  },
];
