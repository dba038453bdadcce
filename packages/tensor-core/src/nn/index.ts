/** Modules: parameters by path, layers, and the blocks of transformers. */
import '../index.js';

export { type AttentionCache, SelfAttention, type SelfAttentionOptions } from './attention.js';
export { BatchNorm1d, BatchNorm2d, type BatchNormLayerOptions, GroupNorm } from './channelNorm.js';
export { Conv1d, Conv2d } from './conv.js';
export { Dropout } from './dropout.js';
export { Embedding } from './embedding.js';
export { type LayerOptions, Linear } from './linear.js';
export { MLP, type MlpOptions, SwiGLU } from './mlp.js';
export { type LoadReport, Module, type PathPattern, pathMatcher, type StateDict } from './module.js';
export { LayerNorm, RMSNorm } from './norm.js';
export { Parameter } from './parameter.js';
export { AdaptiveAvgPool2d, AvgPool1d, AvgPool2d, MaxPool1d, MaxPool2d } from './pooling.js';
export { GRU, LSTM, type RecurrentOptions } from './recurrent.js';
