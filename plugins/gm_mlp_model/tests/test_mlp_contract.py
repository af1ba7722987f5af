from gm_mlp_model import MLPProvider

from gmcore.nn.layers import GELU
from gmcore.testing.model_provider import ModelProviderContract


class TestMLP(ModelProviderContract):
    def provider(self):
        return MLPProvider()


class TestMLPWithEmbeddingsAndDropout(ModelProviderContract):
    def provider(self):
        return MLPProvider(hidden=(8,), activation=GELU(), dropout=0.3, embedding="embedding", impute="median")


class TestLinearModel(ModelProviderContract):
    def provider(self):
        return MLPProvider(hidden=())
