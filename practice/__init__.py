"""Real tables: resamplers for scikit-learn pipelines, recalibration, rivals, benchmark."""
