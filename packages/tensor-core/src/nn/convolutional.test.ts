import { describe, expect, it } from 'vitest';
import { type Device, deviceStatus, Generator, ones, scope, TensorError, tensor, zeros } from '../index.js';
import { sound } from '../ops/testing/law.js';
import {
  AdaptiveAvgPool2d,
  AvgPool1d,
  AvgPool2d,
  BatchNorm1d,
  BatchNorm2d,
  Conv1d,
  Conv2d,
  GRU,
  GroupNorm,
  LSTM,
  MaxPool1d,
  MaxPool2d,
} from './index.js';

const device: Device = deviceStatus().cpu.present ? 'cpu' : 'ref';
const options = () => ({ generator: new Generator(1), device });
const names = (m: { stateDict(): Record<string, unknown> }) => Object.keys(m.stateDict());
const soundly = (f: () => void) => sound(() => scope(f));

describe('convolutions', () => {
  it('have the parameters of PyTorch, within its bounds', () =>
    soundly(() => {
      using conv = new Conv2d(4, 6, [3, 2], { groups: 2, ...options() });
      expect(names(conv)).toEqual(['weight', 'bias']);
      expect(conv.weight.shape).toEqual([6, 2, 3, 2]);
      const bound = 1 / Math.sqrt(2 * 3 * 2);
      expect(conv.weight.numbers().every((v) => Math.abs(v) <= bound)).toBe(true);
      expect(Math.max(...conv.weight.numbers())).toBeGreaterThan(bound / 2);
      expect(conv.forward(zeros([1, 4, 5, 5], { device })).shape).toEqual([1, 6, 3, 4]);
    }));

  it('pass their options on', () =>
    soundly(() => {
      const images = ones([1, 2, 7, 7], { device });
      using conv = new Conv2d(2, 3, 3, { stride: 2, padding: 1, dilation: 2, bias: false, ...options() });
      expect(names(conv)).toEqual(['weight']);
      expect(conv.forward(images).shape).toEqual([1, 3, 3, 3]);
      using line = new Conv1d(2, 3, 4, { padding: 'same', ...options() });
      expect(line.forward(ones([1, 2, 7], { device })).shape).toEqual([1, 3, 7]);
    }));
});

describe('pooling', () => {
  it('calls its operation', () =>
    soundly(() => {
      const x = tensor(
        [
          [
            [
              [1, 2],
              [3, 6],
            ],
          ],
        ],
        { device },
      );
      expect(new MaxPool2d(2).forward(x).item()).toBe(6);
      expect(new AvgPool2d([1, 2]).forward(x).numbers()).toEqual(Float64Array.of(1.5, 4.5));
      expect(new AdaptiveAvgPool2d(1).forward(x).item()).toBe(3);
      const line = tensor([[[1, 3, 5]]], { device });
      expect(new MaxPool1d(2, { stride: 1 }).forward(line).numbers()).toEqual(Float64Array.of(3, 5));
      expect(new AvgPool1d(2, { stride: 1 }).forward(line).numbers()).toEqual(Float64Array.of(2, 4));
    }));
});

describe('BatchNorm', () => {
  it('moves its buffers in training, and uses them in evaluation', () =>
    soundly(() => {
      using norm = new BatchNorm1d(1, { momentum: 0.5, eps: 0, device });
      expect(names(norm)).toEqual(['weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked']);
      const x = tensor([[1], [3]], { device });
      expect(norm.forward(x).numbers()).toEqual(Float64Array.of(-1, 1));
      expect(norm.running_mean!.item()).toBe(1);
      expect(norm.running_var!.item()).toBe(1.5);
      expect(norm.num_batches_tracked!.item()).toBe(1);
      norm.eval();
      expect(norm.forward(tensor([[1]], { device })).item()).toBe(0);
      expect(norm.num_batches_tracked!.item()).toBe(1);
    }));

  it('without running statistics uses the batch in evaluation too', () =>
    soundly(() => {
      using norm = new BatchNorm2d(1, { trackRunningStats: false, affine: false, eps: 0, device }).eval();
      expect(names(norm)).toEqual([]);
      expect(norm.forward(tensor([[[[1, 3]]]], { device })).numbers()).toEqual(Float64Array.of(-1, 1));
    }));

  it('refuses other numbers of axes', () =>
    soundly(() => {
      using norm = new BatchNorm2d(2, { device });
      const attempt = () => norm.forward(zeros([4, 2], { device }));
      expect(attempt).toThrow(TensorError);
      expect(attempt).toThrow(/BatchNorm2d: x must have 4 axes/);
    }));
});

it('GroupNorm normalizes groups', () =>
  soundly(() => {
    using norm = new GroupNorm(2, 4, { eps: 0, device });
    expect(norm.forward(tensor([[-1, 1, 2, 6]], { device })).numbers()).toEqual(
      Float64Array.of(-1, 1, -1, 1),
    );
  }));

describe('recurrent layers', () => {
  it('name their parameters as PyTorch does', () =>
    soundly(() => {
      using lstm = new LSTM(3, 2, { layers: 2, bidirectional: true, ...options() });
      const each = ['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh'];
      const expected = ['_l0', '_l0_reverse', '_l1', '_l1_reverse'].flatMap((s) => each.map((n) => n + s));
      expect(names(lstm)).toEqual(expected);
      expect(lstm.stateDict().weight_ih_l1!.shape).toEqual([8, 4]);
      using gru = new GRU(3, 2, { bias: false, ...options() });
      expect(names(gru)).toEqual(['weight_ih_l0', 'weight_hh_l0']);
    }));

  it('drop between layers while training alone', () =>
    soundly(() => {
      const x = ones([3, 1, 4], { device });
      using gru = new GRU(4, 8, { layers: 2, dropout: 0.9, ...options() });
      const [a, b] = [gru.forward(x).y.numbers(), gru.forward(x).y.numbers()];
      expect(a).not.toEqual(b);
      gru.eval();
      expect(gru.forward(x).y.numbers()).toEqual(gru.forward(x).y.numbers());
    }));

  it('refuse what does not fit', () =>
    soundly(() => {
      using lstm = new LSTM(3, 2, options());
      expect(() => lstm.forward(zeros([3, 3], { device }))).toThrow(/LSTM: x must be \[T, B, I\]/);
      const state = zeros([2, 1, 2], { device });
      expect(() => lstm.forward(zeros([4, 1, 3], { device }), { h: state, c: state })).toThrow(/\[1,1,2\]/);
      expect(() => new LSTM(3, 2, { layers: 0 })).toThrow(/positive integer/);
      expect(() => new GRU(3, 2, { dropout: 1 })).toThrow(/\[0, 1\)/);
    }));
});
