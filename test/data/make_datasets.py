#!/usr/bin/env python3
"""Write iris.csv, wine.csv, digits.csv and breast_cancer.csv from scikit-learn's copies.

    python3 make_datasets.py

A line of column names, then a row a line: the features, and the class as a number.
"""
import csv
import pathlib

from sklearn import datasets


def name(text):
    return text.replace(" (cm)", "").replace("/", "_").replace(" ", "_")


here = pathlib.Path(__file__).parent
for dataset in ("iris", "wine", "digits", "breast_cancer"):
    data = getattr(datasets, "load_" + dataset)()
    with open(here / (dataset + ".csv"), "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([name(feature) for feature in data.feature_names] + ["class"])
        for row, label in zip(data.data, data.target):
            writer.writerow(["%.9g" % value for value in row] + [label])
