/** config.json of google/flan-t5-small, as far as it decides sizes. */
export const FLAN_T5_SMALL = {
  vocab_size: 32128,
  d_model: 512,
  d_kv: 64,
  d_ff: 1024,
  num_layers: 8,
  num_heads: 6,
  feed_forward_proj: "gated-gelu",
  tie_word_embeddings: false,
};
