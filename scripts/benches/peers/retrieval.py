"""Queries a second of bm25s (numba) and scikit-learn's TF-IDF (characters 3–5), the yardsticks of the bench retrieval. One thread.

    retrieval.py TEXTS.json        prints a line once both are built and warm, and for each line that names one ("bm25s",
                                   "scikit-learn") its rate as JSON
    TEXTS.json: {"documents": […], "queries": […], "warmUp": 100, "k": 5}
"""
import json
import os
import sys
import time

os.environ["OMP_NUM_THREADS"] = os.environ["NUMBA_NUM_THREADS"] = "1"

import bm25s
import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

with open(sys.argv[1], encoding="utf8") as file:
    given = json.load(file)
documents, queries, warm_up, k = given["documents"], given["queries"], given["warmUp"], given["k"]


def timed(search):
    clock, cpu = time.perf_counter(), time.process_time()
    for query in queries[warm_up:]:
        search(query)
    count = len(queries) - warm_up
    return {"queriesPerSecond": round(count / (time.perf_counter() - clock), 1),
            "queriesPerCpuSecond": round(count / (time.process_time() - cpu), 1)}


def with_bm25s():
    words = lambda texts: bm25s.tokenize(texts, token_pattern=r"(?u)\b\w\w+\b", stopwords=None, show_progress=False, return_ids=False)
    index = bm25s.BM25(method="lucene", k1=1.5, b=0.75, backend="numba")
    index.index(words(documents), show_progress=False)
    return lambda query: index.retrieve(words([query]), k=k, show_progress=False)


def with_scikit_learn():
    vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(3, 5))
    by_term = vectorizer.fit_transform(documents).T.tocsr()

    def search(query):
        scores = (vectorizer.transform([query]) @ by_term).toarray().ravel()
        best = np.argpartition(-scores, k)[:k]
        return best[np.argsort(-scores[best])]

    return search


searches = {"bm25s": with_bm25s(), "scikit-learn": with_scikit_learn()}
for search in searches.values():
    for query in queries[:warm_up]:
        search(query)
print(json.dumps(sorted(searches)), flush=True)
for line in sys.stdin:
    print(json.dumps(timed(searches[line.strip()])), flush=True)
